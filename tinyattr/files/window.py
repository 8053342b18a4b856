"""A Window is a part of a file that can be read like a file. The members of a zip file are Windows too."""

import io
import zipfile
import zlib

from tinyattr.errors import InputError

LARGEST_DIRECTORY = 1 << 18  # bytes; a directory of 52 tensors has 5,000
LOCAL_HEADER = 30  # bytes before a member's name; the last four give the lengths of the name and of the extra field


class Window(io.RawIOBase):
    """A Window has `length` bytes of an open file, from `start` on. crc: their check sum (CRC-32), if it is known."""

    def __init__(self, file, start, length, crc=None):
        self.file, self.start, self.length, self.crc, self.position = file, start, length, crc, 0

    def seek(self, offset, whence=io.SEEK_SET):
        """Set the position. Returns the new position."""
        self.position = offset + (0, self.position, self.length)[whence]
        return self.position

    def readinto(self, buffer):
        """Fill the buffer until the window or the file ends. Returns the number of bytes."""
        wanted, count = memoryview(buffer).cast("B")[: max(0, self.length - self.position)], 0
        self.file.seek(self.start + self.position)
        while more := self.file.readinto(wanted[count:]):  # one call may return fewer bytes than are there
            count += more
        self.position += count
        return count

    def check(self):
        """Raise InputError unless the bytes have the CRC-32 that the file says. It is computed only once."""
        if self.crc is None:
            return
        self.seek(0)
        crc, block = 0, bytearray(1 << 20)
        while count := self.readinto(block):
            crc = zlib.crc32(memoryview(block)[:count], crc)
        if crc != self.crc:
            raise InputError("the data is damaged: the CRC-32 differs; get the file again")
        self.crc = None
        self.seek(0)


class _Frugal(Window):
    """A _Frugal is a Window that refuses large reads, because ZipFile reads a directory of any size in one piece."""

    def read(self, size=-1):
        data = super().read(size if 0 <= size <= LARGEST_DIRECTORY else LARGEST_DIRECTORY + 1)
        if len(data) > LARGEST_DIRECTORY:
            raise InputError(f"its zip directory is larger than {LARGEST_DIRECTORY:,} bytes; no weight file needs that")
        return data


def zip_names(file, size):
    """Return the names of all members of a zip file, compressed or not; for `file` and errors see `zip_members`."""
    with zipfile.ZipFile(_Frugal(file, 0, size)) as archive:
        return archive.namelist()


def zip_members(file, size):
    """Return {name: Window} of the members of a zip file. They must be stored without compression.

    file: an unbuffered binary file of `size` bytes. Raises InputError, or zipfile's errors for a damaged archive.
    """
    members = {}
    with zipfile.ZipFile(_Frugal(file, 0, size)) as archive:
        for info in archive.infolist():
            if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size or info.flag_bits & 1:
                raise InputError(f"{info.filename!r} in it is compressed or encrypted; frameworks do not do that")
            if info.filename in members:
                raise InputError(f"{info.filename!r} is in it twice")
            file.seek(info.header_offset)
            header = file.read(LOCAL_HEADER)
            names = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
            start = info.header_offset + LOCAL_HEADER + names
            if start + info.file_size > size:
                raise InputError(f"{info.filename!r} in it reaches beyond the end of the file")
            members[info.filename] = Window(file, start, info.file_size, info.CRC)
    return members
