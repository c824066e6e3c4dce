"""Nine roles, one list: modules, hooks, attributes and classes hold exactly the same names."""

import importlib
import inspect

import smok_core
from smok_core.databases import Databases
from smok_core.hookspecs import SmokHooks
from smok_core.roles import ON_ENGINE, ROLES

SEED = {
    "BasePredicateDatabase": "get_all_predicates update_predicate set_new_predicates",
    "BaseSensorWriteDatabase": "on_sync_sw_failed on_synced_sw add_sw get_sw_sync",
    "BaseSensorWriteSynchronization": "to_json ack nack",
    "BaseArchivesDatabase": "get_archiving_instructions on_archiving_data_sync",
    "BaseBAOBDatabase": "get_baob_value delete_baob get_baob_version get_all_keys set_baob_value "
    "check_consistency",
    "BaseSensorDatabase": "on_register get_sensor on_sensors_sync get_all_sensors",
    "BasePathpointDatabase": "checkpoint on_new_data get_current_value get_archive_data "
    "get_data_to_sync",
    "BaseDataToSynchronize": "acknowledge negative_acknowledge to_json",
    "BaseEventSynchronization": "get_events acknowledge negative_acknowledge",
    "BaseEventDatabase": "checkpoint get_open_events get_all_events close_event add_event "
    "get_events_to_sync set_cache get_cache on_predicate_deleted clear_closed_and_synced_events",
    "BaseMacroDatabase": "get_done_macros notify_macro_synced notify_macro_executed set_macros "
    "get_macros checkpoint",
    "BaseMetadataDatabase": "put_plain get_plain update_plain delete_plain get_all_plain",
}


def test_one_word_per_role_everywhere():
    """Modules, hooks, the engine's answers and the attributes of Databases name the nine roles."""
    hooks = {n.removeprefix("smok_open_") for n in vars(SmokHooks) if n.startswith("smok_open_")}
    assert hooks - {"engine"} == set(ON_ENGINE) == set(ROLES)
    assert set(Databases.__annotations__) == set(ROLES)
    for role, base in ROLES.items():
        assert base.role == role
        assert base.__module__ == f"smok_core.roles.{role}"


def test_the_seeds_names_stand():
    """Every class and method name of the published client's extras exists here."""
    for name, methods in SEED.items():
        cls = getattr(smok_core, name)
        assert inspect.isclass(cls)
        for method in methods.split():
            assert callable(getattr(cls, method)), f"{name}.{method}"


def test_every_abstract_method_has_a_docstring():
    """The contract is written once, on the abstract class."""
    for role in ROLES:
        module = importlib.import_module(f"smok_core.roles.{role}")
        for _, cls in inspect.getmembers(module, inspect.isclass):
            own = cls.__module__ == module.__name__
            for name in getattr(cls, "__abstractmethods__", ()) if own else ():
                assert inspect.getdoc(getattr(cls, name)), f"{cls.__qualname__}.{name}"
