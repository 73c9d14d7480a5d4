"""Sources that go on: what another system records comes into a log as it is recorded there, each event once.

`Follower` reads a `Source`, makes events of ours by a mapping, and appends them in one commit with the place that it has
come to. So there is no moment at which a crash would lose an event or take it twice: after it, the log itself says where to
go on.
"""

from orders_es.sources.streams.follower import Follower
from orders_es.sources.streams.progress import Followed, followed
from orders_es.sources.streams.source import Delivered, Source
from orders_es.sources.streams.source_lag import SourceLag

__all__ = ["Delivered", "Followed", "Follower", "Source", "SourceLag", "followed"]
