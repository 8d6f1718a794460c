"""The face `anthropic`: the reference endpoint, complete, strict and correct to the letter."""

from conformance.scripted.protocol import Application, Setting, UsageError, near


def application(setting: Setting) -> Application:
    """The reference endpoint as an ASGI application; a prefix, as in `/fault/ID/v1/messages`, bends what it does."""
    from conformance.scripted.anthropic.app import Reference
    from conformance.scripted.anthropic.hooks import Hooks
    from conformance.scripted.anthropic.service import Answerer, FromBrain, Service
    from conformance.scripted.faults import fault_named
    from conformance.scripted.likeness import likeness, likeness_named
    from conformance.scripted.mutants import mutant_named
    from conformance.scripted.odd_models import odd_model
    from conformance.scripted.variants import variant_named

    registries = {
        "fault": fault_named,
        "variant": variant_named,
        "model": odd_model,
        "mutant": mutant_named,
        "like": likeness_named,
    }
    hooks: list[Hooks] = []
    if setting.like is not None:
        hooks += likeness(setting.like)
    for kind, names in (("fault", setting.fault), ("variant", setting.variant)):
        for name in names.split("+") if names is not None else ():
            hook = registries[kind](name)
            if hook is None:
                raise UsageError(_unknown(kind, name))
            if hook.needs_upstream and setting.upstream is None:
                raise UsageError(f"the {kind} {name} shows only in front of an upstream: say which, --upstream URL")
            hooks.append(hook)
    answerer: Answerer = FromBrain(setting.brain)
    if setting.upstream is not None:
        from conformance.scripted.gateway import Gateway

        answerer = Gateway(setting.upstream)
    return Reference(
        Service(answerer),
        api_key=setting.api_key,
        hooks=tuple(hooks),
        registries=registries,
        has_upstream=setting.upstream is not None,
    )


def _unknown(kind: str, name: str) -> str:
    """That there is no such fault or variant, with the id that looks most like it."""
    from conformance.scripted.faults import faults
    from conformance.scripted.variants import variants

    guess = near(name, faults() if kind == "fault" else variants())
    return f"there is no {kind} {name}{f'{guess} ' if guess else '; '}`conformance {kind}s` lists them"
