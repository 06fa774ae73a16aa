from __future__ import annotations

import contextlib

import pytest
import review_factory

from posec3d_cli.review.session import ReviewSession


@pytest.fixture
def opened(tmp_path):
    """Opens the session of a table: `opened(table)`; all are closed in the end."""
    with contextlib.ExitStack() as held:

        def open_session(table, **settings):
            return held.enter_context(ReviewSession.open(table, **{"reviewer": "anna", **settings}))

        yield open_session


@pytest.fixture
def table(tmp_path):
    return review_factory.three(tmp_path)


@pytest.fixture
def session(opened, table):
    return opened(table)


@pytest.fixture
def client(session, tmp_path):
    """A browser that has opened the address with the token."""
    return review_factory.entered(session, tmp_path)
