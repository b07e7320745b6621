"""A group of commands that is a command itself: `flare evaluate PRED GT` beside `flare evaluate compare`."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup


class CommandWithSubcommands(TyperGroup):
    """Runs its own callback unless the first argument names one of its commands.

    One help page shows the arguments and options of the callback and, below, the commands.
    """

    allow_extra_args = False
    allow_interspersed_args = True

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Leave the arguments of a command to that command; read the others as the callback's own."""
        if args and args[0] in self.commands:
            ctx.args = args
            return args
        return super(TyperGroup, self).parse_args(ctx, args or ["--help"])

    def invoke(self, ctx: Any) -> Any:
        """Run the command named first, else the callback."""
        if not ctx.args:
            return super(TyperGroup, self).invoke(ctx)
        name, command, args = self.resolve_command(ctx, ctx.args)
        if command is None:  # in completion only: elsewhere an unknown name is an error by now
            return None
        # Beside this command, not below it: the usage line would else show this command's own arguments.
        with command.make_context(f"{ctx.info_name} {name}", args, parent=ctx.parent) as command_ctx:
            return command.invoke(command_ctx)
