"""What HolmesGPT reads from toolset files, as JSON, for tests/peers/holmesgpt.rs.

Stdin: {"jobs": [{"files": [...], "catalogue": true|false}]}. Every job is read by HolmesGPT's own loader: with
`catalogue`, as one of its builtin files, otherwise as `custom_toolsets`. Stdout: {"version", "catalogue": [paths],
"jobs": [{"refused", "toolsets"}]}.

Of HolmesGPT's many dependencies only pydantic, PyYAML, Jinja2, python-benedict and a few more matter here. The others
are played by empty stand-ins where they are not installed, so that `pip install --no-deps holmesgpt` will do.
"""

import importlib.abc
import importlib.machinery
import importlib.metadata
import io
import json
import logging
import os
import sys
import types

# Schemas in the lenient form, whatever the release's default is.
os.environ["HOLMES_DISABLE_STRICT_TOOL_CALLS"] = "true"


class Anything(type):
    """A class whose every attribute is a class again."""

    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        made = anything(name)
        setattr(cls, name, made)
        return made

    def __or__(cls, other):
        return cls

    def __ror__(cls, other):
        return other

    def __call__(cls, *arguments, **named):
        # A decorator leaves what it decorates.
        if cls.__name__[0].islower() and len(arguments) == 1 and callable(arguments[0]):
            return arguments[0]
        return super().__call__(*arguments, **named)


def attribute(self, name):
    if name.startswith("__"):
        raise AttributeError(name)
    return getattr(type(self), name)


def called(self, *arguments, **named):
    return arguments[0] if len(arguments) == 1 and callable(arguments[0]) else self


def anything(name):
    body = {
        "__init__": lambda self, *arguments, **named: None,
        "__getattr__": attribute,
        "__call__": called,
        "__class_getitem__": classmethod(lambda cls, item: cls),
    }
    # Some are raised, some are inherited from.
    return Anything(name, (Exception,), body)


class Empty(types.ModuleType):
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        made = anything(name)
        setattr(self, name, made)
        return made


class StandIns(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """For what HolmesGPT itself imports; what others look for in vain is their business."""

    def __init__(self):
        self.played = set()

    def find_spec(self, name, path=None, target=None):
        top = name.split(".")[0]
        if top == "holmes":
            return None
        if top not in self.played:
            frame = sys._getframe(1)
            while frame and "importlib" in frame.f_code.co_filename:
                frame = frame.f_back
            if not frame or not frame.f_globals.get("__name__", "").startswith("holmes"):
                return None
            self.played.add(top)
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        module = Empty(spec.name)
        module.__path__ = []
        return module

    def exec_module(self, module):
        pass


def plain(name, schema):
    """A value that needs no quotes, of the type a schema asks for."""
    for branch in schema.get("anyOf", []):
        if branch.get("type") != "null":
            return plain(name, branch)
    if schema.get("enum"):
        return schema["enum"][0]
    kind = schema.get("type")
    return {
        "integer": 7,
        "number": 2.5,
        "boolean": True,
        "array": ["one", "two"],
        "object": {"key": "value"},
    }.get(kind, "plain-" + name.replace("_", "-"))


def tool(read):
    schema = read.get_openai_format_for_us()["function"].get("parameters", {})
    names = schema.get("properties", {})
    arguments = {name: plain(name, of) for name, of in names.items()}
    told = {
        "description": read.description,
        "schema": schema,
        "parameters": {
            name: {"required": bool(of.required), "description": of.description or ""}
            for name, of in read.parameters.items()
        },
        "arguments": arguments,
    }
    text = getattr(read, "command", None)
    text = text if text is not None else getattr(read, "script", None)
    if text is not None:
        from jinja2 import Template

        try:
            context = read._build_context(arguments)
            told["command"] = Template(os.path.expandvars(text)).render(context)
        except Exception as error:  # noqa: BLE001 - told, not raised
            told["cannot_render"] = str(error)
    return told


def word(value):
    return getattr(value, "value", value)


def prerequisite(read):
    kind = type(read).__name__
    if kind == "CallablePrerequisite":
        return {"callable": True}
    return {key: value for key, value in read.model_dump().items() if value is not None}


def toolset(read):
    return {
        "enabled": bool(read.enabled),
        "type": word(getattr(read, "type", None)),
        "description": read.description,
        "tags": [word(tag) for tag in read.tags],
        "error": getattr(read, "error", None),
        "prerequisites": [prerequisite(one) for one in read.prerequisites or []],
        "tools": {one.name: tool(one) for one in read.tools or []},
        "config": json.loads(json.dumps(getattr(read, "config", None), default=str)),
        "llm_instructions": read.llm_instructions,
    }


def main():
    stand_ins = StandIns()
    sys.meta_path.append(stand_ins)
    logging.disable(logging.CRITICAL)
    out, sys.stdout = sys.stdout, io.StringIO()
    import holmes.plugins.toolsets as toolsets
    from holmes.core import tools
    from holmes.core.toolset_manager import ToolsetManager

    def openai_format(self):
        try:
            return self.get_openai_format()
        except TypeError:
            # Releases up to 0.23 decide on strictness by the model's name.
            return self.get_openai_format(target_model="some-model")

    tools.Tool.get_openai_format_for_us = openai_format
    # What is compared is how files are read; a release's own Python toolsets are not files.
    toolsets.load_python_toolsets = lambda *arguments, **named: []
    catalogue = sorted(
        os.path.join(toolsets.THIS_DIR, name)
        for name in os.listdir(toolsets.THIS_DIR)
        if name.endswith(".yaml")
    )
    jobs = []
    for job in json.load(sys.stdin)["jobs"] + [{"files": [path], "catalogue": True} for path in catalogue]:
        try:
            if job.get("catalogue"):
                found = toolsets.load_toolsets_from_file(job["files"][0], strict_check=True)
            else:
                builtin = {one.name for one in toolsets.load_builtin_toolsets(None)}
                manager = ToolsetManager(
                    toolsets=job.get("toolsets"),
                    mcp_servers=job.get("mcp_servers"),
                    custom_toolsets=job["files"],
                )
                found = manager._list_all_toolsets(check_prerequisites=False)
                found = [one for one in found if one.name not in builtin or one.name in job.get("also", [])]
            jobs.append({"refused": None, "toolsets": {one.name: toolset(one) for one in found}})
        except Exception as error:  # noqa: BLE001 - a refusal is a result
            jobs.append({"refused": f"{type(error).__name__}: {error}", "toolsets": {}})
        jobs[-1]["files"] = job["files"]
    version = importlib.metadata.version("holmesgpt")
    json.dump({"version": version, "stand_ins": sorted(stand_ins.played), "jobs": jobs}, out, default=str)


if __name__ == "__main__":
    main()
