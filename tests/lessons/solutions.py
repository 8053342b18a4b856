"""The solutions of a lesson, which its students' copies leave out."""

import re

from tinyattr.course.student import BEGIN, END


def solutions(source):
    """The lines of every solution, in order."""
    return re.findall(rf"^ *{BEGIN}\n(.*?)\n *{END}$", source, re.M | re.S)
