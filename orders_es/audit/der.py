"""The certificates in a time stamp in the order that DER asks for. Authorities write them as they come, which BER allows."""

from __future__ import annotations

__all__ = ["certificates_sorted"]

_SEQUENCE, _SET_OF_CERTIFICATES = 0x30, 0xA0
_LONG = 0x80
_SIZE_MOST = 4


def certificates_sorted(stamp: bytes) -> bytes:
    """The same time stamp with its certificates sorted. Nothing that is signed is touched, and what is in no such form comes back as it is.

    Args:
        stamp: An authority's answer (RFC 3161, section 2.4.2).

    Example:
        >>> certificates_sorted(b"no stamp")
        b'no stamp'
    """
    try:
        _, start, end = _element(stamp, 0)  # TimeStampResp
        _, _, after = _element(stamp, start)  # its status
        _, start, end = _element(stamp, after)  # ContentInfo
        _, _, after = _element(stamp, start)  # its type
        _, start, end = _element(stamp, after)  # [0] EXPLICIT
        kind, at, end = _element(stamp, start)  # SignedData
        if kind != _SEQUENCE:
            return stamp
        for _ in range(3):  # version, digest algorithms, what was signed
            _, _, at = _element(stamp, at)
        kind, start, stop = _element(stamp, at)
        if kind != _SET_OF_CERTIFICATES or stop > end:
            return stamp
        found = []
        at = start
        while at < stop:
            _, _, after = _element(stamp, at)
            found.append(stamp[at:after])
            at = after
    except IndexError:
        return stamp
    return stamp[:start] + b"".join(sorted(found)) + stamp[stop:] if at == stop else stamp


def _element(raw: bytes, at: int) -> tuple[int, int, int]:
    """The tag of an element, where its content begins, and where it ends.

    Raises:
        IndexError: There is none.
    """
    tag, size, start = raw[at], raw[at + 1], at + 2
    if size >= _LONG:
        count = size - _LONG
        if not 0 < count <= _SIZE_MOST:
            raise IndexError
        size, start = int.from_bytes(raw[start : start + count], "big"), start + count
    if start + size > len(raw):
        raise IndexError
    return tag, start, start + size
