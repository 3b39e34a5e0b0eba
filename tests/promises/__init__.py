"""The promises of docs/promise.md, held against a bank that has finished: each has a number and a checker.

``broken(bank)`` asks all of them; it runs after every fault test. What ``audit verify``, ``audit replay``, ``trennwand
doctor`` and the nightly check look at is asked there and not written down a second time.
"""

from tests.promises import books, logged, people, post
from tests.promises.asking import CHECKERS, Broken, broken
from tests.promises.finished import Finished, finished

PAGES = (logged, books, people, post)
"""Where the checkers stand; imported, they are registered."""

__all__ = ["CHECKERS", "PAGES", "Broken", "Finished", "broken", "finished"]
