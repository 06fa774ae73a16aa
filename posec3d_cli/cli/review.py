"""`posec3d review`: look at predictions in the browser, and correct them."""

from __future__ import annotations

import contextlib
import getpass
import secrets
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from posec3d_cli.cli.help_texts import INPUT, OUTPUT, RUN
from posec3d_cli.cli.options import OfflineOption, RootOption
from posec3d_cli.cli.render import note
from posec3d_cli.errors import counted


def review(
    source: Annotated[
        Path,
        typer.Argument(metavar="LABELS.csv|DIR", help="Review the rows of this table, or the videos of this folder."),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="TRUTH.csv",
            help="Write the decisions to this table; by default truth.csv beside LABELS.csv or in DIR.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    truth: Annotated[
        Path | None,
        typer.Option(
            "--truth",
            metavar="CSV",
            help="Show where predictions disagree with this ground truth: columns video,label.",
            rich_help_panel=INPUT,
        ),
    ] = None,
    poses: Annotated[
        Path | None,
        typer.Option(
            "--poses",
            metavar="DIR",
            exists=True,
            file_okay=False,
            help="Draw the pose files of this folder; by default those that `label --save-poses` wrote.",
            rich_help_panel=INPUT,
        ),
    ] = None,
    root: RootOption = None,
    reviewer: Annotated[
        str | None,
        typer.Option(
            "--reviewer",
            metavar="NAME",
            help="Sign the decisions with NAME; by default the user's.",
            rich_help_panel=RUN,
        ),
    ] = None,
    port: Annotated[
        int,
        typer.Option(
            "--port",
            min=0,
            max=65535,
            metavar="N",
            help="Serve on this port; by default a free one.",
            rich_help_panel=RUN,
        ),
    ] = 0,
    no_browser: Annotated[
        bool,
        typer.Option("--no-browser", help="Print the address of the page, and open no browser.", rich_help_panel=RUN),
    ] = False,
    offline: OfflineOption = False,
) -> None:
    """Correct predictions in the browser.

    Serves a page on this machine only, at an address with a secret token, until Ctrl-C. Every decision is on the disk
    at once, in LABELS.csv.review.sqlite and in truth.csv, which train, evaluate and label --truth read.
    """
    from posec3d_cli.review.proxies import Proxies, default_folder
    from posec3d_cli.review.retraining import Retraining
    from posec3d_cli.review.server import make_app
    from posec3d_cli.review.session import ReviewSession
    from posec3d_cli.review.views import overview
    from posec3d_cli.runtime.local_server import listen, serve

    settings = {"truth_file": output, "root": root, "poses": poses, "ground_truth": truth}
    with ReviewSession.open(source, reviewer=reviewer or getpass.getuser(), **settings) as session:
        sock = listen(port)
        token = secrets.token_urlsafe(32)
        port = sock.getsockname()[1]
        address = f"http://127.0.0.1:{port}/?token={token}"
        typer.echo(address)
        note("review", f"{counted(len(session.rows), 'row')} of {source}; Ctrl-C ends it, nothing has to be saved")
        if not no_browser:
            webbrowser.open(address)
        retraining = Retraining(session, ("--offline",) if offline else ())
        try:
            with contextlib.suppress(KeyboardInterrupt):  # how a server is ended
                serve(make_app(session, Proxies(default_folder()), retraining, token, port), sock)
        finally:
            retraining.stop()
        counts = overview(session)
        note("review", f"{counts['decided']} of {counted(counts['rows'], 'row')} decided: {session.truth_file}")
