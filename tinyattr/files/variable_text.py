"""Find and read a text of variable length in an HDF5 file, without HDF5.

Keras keeps a model's config in an attribute of variable length. Such an attribute holds a length and an address. HDF5
trusts them, and crashes if they are wrong. So we read the few structures that lead to the text, and check all bounds.
They are (HDF5 File Format Specification 3.0, sections IV.A.1.a, IV.A.2.m, III.E):

    object header, version 1     messages, some of them in continuation blocks elsewhere
    attribute message            name, type, dataspace, and 16 bytes: length of the text, address of a heap, index in it
    global heap "GCOL"           objects: index, size, bytes
"""

from struct import unpack_from

from tinyattr.errors import InputError

LARGEST_BLOCK, MOST_BLOCKS = 1 << 16, 64  # bytes of messages
CONTINUATION, ATTRIBUTE = 0x10, 0x0C  # types of messages
VARIABLE = 9  # class of a datatype
HEAP_ROOM = 1 << 16  # bytes that a heap may hold in addition to the text


def variable_text(file, address, name, longest):
    """Return the text of an object's attribute, at most `longest` bytes; None if the object has no such attribute.

    file: a binary file that starts with the HDF5 data. address: where the object's header is. Raises InputError if the
    text is stored in another way than Keras does it.
    """
    place = _place(file, address, name)
    if place is None:
        return None
    length, heap, index = place
    if length > longest:
        raise InputError(f"its attribute {name!r} declares {length:,} bytes; the limit is {longest:,}")
    start, _, size = unpack_from("<4sIQ", _bytes(file, heap, 16))
    if start != b"GCOL" or not 16 <= size <= longest + HEAP_ROOM:
        raise InputError(f"its attribute {name!r} does not lead to a heap of texts")
    content, at = _bytes(file, heap, size), 16
    while at + 16 <= size:
        found, _, _, held = unpack_from("<HHIQ", content, at)
        if found == index and index and length <= held <= size - at - 16:
            return content[at + 16 : at + 16 + length].rstrip(b"\0").decode()
        at += 16 + (held + 7) // 8 * 8
    raise InputError(f"its attribute {name!r} is not in the heap of texts where it should be")


def _place(file, address, name):
    """Return (length, address of the heap, index in it) of the attribute, or None."""
    version, _, _, _, size = unpack_from("<BBHII", _bytes(file, address, 16))
    if version != 1:
        raise InputError(f"its object headers have version {version}; Keras' files have version 1")
    blocks = [(address + 16, size)]
    for start, size in blocks:
        if size > LARGEST_BLOCK or len(blocks) > MOST_BLOCKS:
            raise InputError("its object header is larger than any that Keras writes")
        block, at = _bytes(file, start, size), 0
        while at + 8 <= size:
            kind, length, shared = unpack_from("<HHB", block, at)
            message, at = block[at + 8 : at + 8 + length], at + 8 + length
            if kind == CONTINUATION:
                blocks.append(unpack_from("<QQ", message))
            if kind == ATTRIBUTE and not shared & 2 and (place := _attribute(message, name)):
                return place
    return None


def _attribute(message, name):
    """Return (length, address, index) from an attribute message if it has this name, else None."""
    version, _, *sizes = unpack_from("<BBHHH", message)
    if version not in (1, 3):
        raise InputError(f"it has attributes of version {version}; Keras' files have 1 or 3")
    round_up = 8 if version == 1 else 1  # version 3 has a byte for the encoding, and no rounding up
    at, parts = (8 if version == 1 else 9), []
    for size in sizes:
        parts.append(message[at : at + size])
        at += -(-size // round_up) * round_up
    found, kind, space = parts
    if found.rstrip(b"\0") != name.encode():
        return None
    if kind[0] & 15 != VARIABLE or kind[1] & 15 != 1 or space[1] != 0:
        raise InputError(f"its attribute {name!r} is not a single text of variable length")
    return unpack_from("<IQI", message, at)


def _bytes(file, start, size):
    file.seek(start)
    content = file.read(size)
    if len(content) != size:
        raise InputError("the file ends within its attributes")
    return content
