"""What an administrator does from a shell: `flask --app wsgi create-user …`."""

from flask import Flask

from csms.cli.fleet import add_charger, create_chargers, sign_certificate, simulate
from csms.cli.people import create_user, drop_second_factor, setup_link
from csms.cli.signals import import_dso
from csms.cli.traces import trace
from csms.cli.upkeep import (
    backup,
    build_readme,
    recount_sessions,
    restore,
    show_config,
    show_coverage,
    verify_data,
)
from csms.imports.commands import import_arthexis, import_ocppbackend, import_ov2xmp, import_steve


def register(app: Flask) -> None:
    """Hang the commands on the application."""
    app.cli.add_command(create_user, "create_user")  # as scripts of long ago call them
    app.cli.add_command(create_chargers, "create_chargers")
    app.cli.add_command(import_dso, "importer_dso")
    app.cli.add_command(build_readme, "build_readme")
    for command in (
        create_user,
        create_chargers,
        build_readme,
        setup_link,
        drop_second_factor,
        add_charger,
        sign_certificate,
        simulate,
        verify_data,
        recount_sessions,
        backup,
        restore,
        show_config,
        show_coverage,
        trace,
        import_dso,
        import_ov2xmp,
        import_ocppbackend,
        import_arthexis,
        import_steve,
    ):
        app.cli.add_command(command)
