"""Every error that orders_es raises on purpose, for everybody who catches one.

::

    OrdersEsError
    ├── LogError
    │   ├── VersionConflict     (RuntimeError)     somebody else appended first
    │   │   └── SourceConflict                     a source's stream is there already, from another source
    │   ├── NotALog             (ValueError)       the path holds no log
    │   ├── DamagedLog          (RuntimeError)     a file is missing, cut short or altered
    │   │   └── ForeignFile                        a file in the folder is not of this log
    │   ├── ReadOnlyLog         (PermissionError)  the folder cannot be written
    │   ├── CannotErase         (ValueError)       personal data there cannot be erased
    │   ├── ErasureUnfinished   (TimeoutError)     erased, and bytes of it may still be there
    │   ├── UnderLegalHold      (PermissionError)  what should be erased has to be kept
    │   ├── NoSuchHold          (LookupError)      no legal hold of that id is in force
    │   ├── StorageError        (OSError)          the disk refused: full, quota, I/O
    │   │   ├── UnconfirmedWrite                   it is in place, but perhaps not for good
    │   │   └── UnansweredAppend                   it is there whole or not at all, and nobody answers which
    │   ├── UnreadableLog       (OSError)          the operating system refused a read: permission, too many open files
    │   ├── DuplicateEvent      (ValueError)       an event_id is there already, elsewhere
    │   ├── LogNotEmpty         (ValueError)       something that needs a new log met events
    │   ├── LogChanged          (RuntimeError)     it was exchanged or put back to an older state while it was open
    │   ├── TargetInLog         (ValueError)       something else would be written into the log's own folder
    │   ├── LogBusy             (TimeoutError)     others committed first, every time
    │   ├── LogInUse            (BlockingIOError)  another process holds the log's file
    │   └── LogUnavailable      (ConnectionError)  the server that holds it does not answer, or refuses this user
    ├── EventError
    │   ├── UnknownEventType    (LookupError)      its meaning is needed and nobody registered it
    │   ├── InvalidEvent        (ValueError)       a field's value cannot be recorded
    │   │   └── UpcastFailed                       an upcaster raised, or gave rubbish
    │   └── RegistrationClash   (ValueError)       a type or field name is taken
    ├── CommandRejected         (ValueError)       a business rule says no
    ├── StreamNotFound          (LookupError)      no such stream, at that moment
    │   └── OrderNotFound                          no such order, at that moment
    ├── BadDomain               (ValueError)       a domain of somebody's own cannot be used
    ├── ProjectionError
    │   ├── ReadModelsInUse     (BlockingIOError)  another process holds the read-model file
    │   ├── NoReadModels        (LookupError)      there is no read-model file
    │   ├── DamagedReadModels   (RuntimeError)     the read-model file cannot be read
    │   ├── CannotWriteReadModels (OSError)        the disk refused to write it
    │   ├── CannotGiveMetrics   (OSError)          no library, port or place for them
    │   ├── ProjectionRunning   (BlockingIOError)  another runner is at work on it
    │   ├── ProjectionChanged   (RuntimeError)     it is defined otherwise than its table was made
    │   ├── ProjectionStopped   (RuntimeError)     it stands before an event that it cannot process
    │   ├── LogReplaced         (ValueError)       its tables were made from another log
    │   ├── UnknownProjection   (LookupError)      there is none of that name
    │   ├── TableTaken          (ValueError)       two projections want one table
    │   ├── NothingToRollBackTo (LookupError)      there is no previous generation
    │   ├── NoSuchDeadLetter    (LookupError)      there is none of that number
    │   ├── OutletUnavailable   (ConnectionError)  another system does not answer
    │   ├── OutletMismatch      (ValueError)       another system holds something else
    │   └── RowsRefused         (ValueError)       another system will not take certain rows
    ├── ProofError
    │   ├── BadKey              (ValueError)       a key cannot be used
    │   ├── BadCheckpoint       (ValueError)       malformed, or not signed by whom it has to be
    │   ├── BadProof            (ValueError)       malformed, or it does not hold
    │   ├── NotAnExtension      (RuntimeError)     the log is not what was signed, with events added
    │   ├── NoCheckpoint        (LookupError)      there is no signed checkpoint to be used
    │   ├── NoSuchClose         (LookupError)      nothing was closed under that name
    │   └── CannotPublish       (OSError)          a place that cannot be written to
    ├── NaiveTime               (ValueError)       a time without a zone
    ├── InvalidTime             (ValueError)       a text that names no instant
    ├── BadSource               (ValueError)       a source file cannot be imported
    ├── SourceUnavailable       (ConnectionError)  a system that is followed does not answer
    ├── BadReadModel            (ValueError)       a `.sql` file defines no read model
    ├── QueryError              (ValueError)       DuckDB refused a query
    │   └── FilesNotAllowed                        it would read or write files, and was not permitted to
    ├── CannotServe             (OSError)          an address or port that a server cannot have
    ├── CannotExport            (ValueError)       a file cannot hold what it was asked to hold
    ├── CannotWriteFile         (OSError)          the disk refused a file that somebody asked for
    ├── NotAnExport             (ValueError)       a file cannot be traced to a log
    ├── InvalidSetting          (ValueError)       a setting is out of range
    ├── InvalidArgument         (ValueError)       a call makes no sense with what it was given
    └── WrongType               (TypeError)        a call was given something of another kind

Facts travel as attributes, passed positionally to the constructor, so that every error survives
`pickle` and with it a trip through a process pool.
"""

from orders_es.errors.base import OrdersEsError
from orders_es.errors.calls import (
    BadReadModel,
    BadSource,
    CannotServe,
    FilesNotAllowed,
    InvalidArgument,
    InvalidSetting,
    InvalidTime,
    NaiveTime,
    QueryError,
    SourceUnavailable,
    WrongType,
)
from orders_es.errors.events import EventError, InvalidEvent, RegistrationClash, UnknownEventType, UpcastFailed
from orders_es.errors.exports import CannotExport, CannotWriteFile, NotAnExport
from orders_es.errors.logs import (
    CannotErase,
    DamagedLog,
    DuplicateEvent,
    ErasureUnfinished,
    ForeignFile,
    LogBusy,
    LogChanged,
    LogError,
    LogInUse,
    LogNotEmpty,
    LogUnavailable,
    NoSuchHold,
    NotALog,
    ReadOnlyLog,
    SourceConflict,
    StorageError,
    TargetInLog,
    UnansweredAppend,
    UnconfirmedWrite,
    UnderLegalHold,
    UnreadableLog,
    VersionConflict,
)
from orders_es.errors.orders import BadDomain, CommandRejected, OrderNotFound, StreamNotFound
from orders_es.errors.projections import (
    CannotGiveMetrics,
    CannotWriteReadModels,
    DamagedReadModels,
    LogReplaced,
    NoReadModels,
    NoSuchDeadLetter,
    NothingToRollBackTo,
    OutletMismatch,
    OutletUnavailable,
    ProjectionChanged,
    ProjectionError,
    ProjectionRunning,
    ProjectionStopped,
    ReadModelsInUse,
    RowsRefused,
    TableTaken,
    UnknownProjection,
)
from orders_es.errors.proofs import (
    BadCheckpoint,
    BadKey,
    BadProof,
    CannotPublish,
    NoCheckpoint,
    NoSuchClose,
    NotAnExtension,
    ProofError,
)

__all__ = [
    "BadCheckpoint",
    "BadDomain",
    "BadKey",
    "BadProof",
    "BadReadModel",
    "BadSource",
    "CannotErase",
    "CannotExport",
    "CannotGiveMetrics",
    "CannotPublish",
    "CannotServe",
    "CannotWriteFile",
    "CannotWriteReadModels",
    "CommandRejected",
    "DamagedLog",
    "DamagedReadModels",
    "DuplicateEvent",
    "ErasureUnfinished",
    "EventError",
    "FilesNotAllowed",
    "ForeignFile",
    "InvalidArgument",
    "InvalidEvent",
    "InvalidSetting",
    "InvalidTime",
    "LogBusy",
    "LogChanged",
    "LogError",
    "LogInUse",
    "LogNotEmpty",
    "LogReplaced",
    "LogUnavailable",
    "NaiveTime",
    "NoCheckpoint",
    "NoReadModels",
    "NoSuchClose",
    "NoSuchDeadLetter",
    "NoSuchHold",
    "NotALog",
    "NotAnExport",
    "NotAnExtension",
    "NothingToRollBackTo",
    "OrderNotFound",
    "OrdersEsError",
    "OutletMismatch",
    "OutletUnavailable",
    "ProjectionChanged",
    "ProjectionError",
    "ProjectionRunning",
    "ProjectionStopped",
    "ProofError",
    "QueryError",
    "ReadModelsInUse",
    "ReadOnlyLog",
    "RegistrationClash",
    "RowsRefused",
    "SourceConflict",
    "SourceUnavailable",
    "StorageError",
    "StreamNotFound",
    "TableTaken",
    "TargetInLog",
    "UnansweredAppend",
    "UnconfirmedWrite",
    "UnderLegalHold",
    "UnknownEventType",
    "UnknownProjection",
    "UnreadableLog",
    "UpcastFailed",
    "VersionConflict",
    "WrongType",
]
