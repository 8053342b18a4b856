"""Write a new HDF5 file. At a path it appears complete or not at all, even if the disk gets full."""

import os
from contextlib import contextmanager

import h5py

from tinyattr.files.atomic import atomic


@contextmanager
def new_hdf5(path):
    """`with new_hdf5(path) as file:` opens an h5py.File to fill. Raises the errors of `atomic`."""
    with atomic(path) as temporary, open(temporary, "wb+", buffering=0) as raw:
        patient = Patient(raw)
        with h5py.File(patient, "w") as file:
            yield file
        if patient.error is not None:
            raise patient.error


class Patient:
    """A Patient is a file object that keeps its first error for later, and writes nothing after it.

    HDF5 cannot recover from an error in writing: the file stays open, and closing it may end the whole process.
    """

    def __init__(self, raw):
        self.raw, self.error = raw, None
        self.read, self.readinto = raw.read, raw.readinto
        self.seek, self.tell, self.flush = raw.seek, raw.tell, raw.flush

    def write(self, data):
        """Write all data; the system may accept only a part at a time."""
        view = memoryview(data).cast("B")
        while view and self.error is None:
            view = view[self._tried(self.raw.write, view) or 0:]
        return len(data)

    def truncate(self, size):
        """Set the length of the file."""
        if self.error is None:
            self._tried(os.ftruncate, self.raw.fileno(), size)

    def _tried(self, do, *arguments):
        try:
            return do(*arguments)
        except OSError as error:
            self.error = error
            return None
