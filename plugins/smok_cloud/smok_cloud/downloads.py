"""What comes down: for each role, what the cloud has and how it is taken over."""

import logging
from functools import partial
from typing import Any, Final

from smok_cloud.api import ApiClient
from smok_cloud.delivery import first_error
from smok_cloud.errors import NotTheApi
from smok_cloud.statistics import JobStatistics
from smok_core.errors import InvalidValue, StorageFull, VersionNotNewer
from smok_core.model import BAOBDigest
from smok_core.roles import (
    BaseArchivesDatabase,
    BaseBAOBDatabase,
    BaseEventDatabase,
    BaseMacroDatabase,
    BaseMetadataDatabase,
    BasePredicateDatabase,
    BaseSensorDatabase,
)

logger = logging.getLogger(__name__)

#: The window of macro occurrences around now, in seconds, as the published client asks for it.
MACROS_BEHIND: Final = 2 * 1800
MACROS_AHEAD: Final = 5 * 1800

#: The API has answered a moment ago: this is one BAOB that is too large, or wrong, or has no room.
_ABOUT_ONE_BAOB: Final = (NotTheApi, InvalidValue, StorageFull)


def download_sensors(
    sensors: BaseSensorDatabase, api: ApiClient, statistics: JobStatistics
) -> None:
    """Take over the sensor definitions."""
    found = api.get_sensors()
    sensors.on_sensors_sync(found)
    statistics.acknowledged += len(found)


def download_predicates(
    predicates: BasePredicateDatabase,
    events: BaseEventDatabase,
    api: ApiClient,
    statistics: JobStatistics,
) -> None:
    """Take over the predicates; what the device alone knows of them (their state) stays."""
    stored = {predicate["predicate_id"]: predicate for predicate in predicates.get_all_predicates()}
    found = [stored.get(new["predicate_id"], {}) | new for new in api.get_predicates()]
    if found != list(stored.values()):
        predicates.set_new_predicates(found)
    for gone in stored.keys() - {predicate["predicate_id"] for predicate in found}:
        events.on_predicate_deleted(gone)
    statistics.acknowledged += len(found)


def download_archives(
    archives: BaseArchivesDatabase, api: ApiClient, statistics: JobStatistics
) -> None:
    """Take over the archiving instructions."""
    found = api.get_archives()
    archives.on_archiving_data_sync(found)
    statistics.acknowledged += len(found)


def download_macros(
    macros: BaseMacroDatabase, api: ApiClient, now: float, statistics: JobStatistics
) -> None:
    """Take over the macros that are to be executed around now (seconds since the epoch)."""
    found = api.get_macros(int(now) - MACROS_BEHIND, int(now) + MACROS_AHEAD)
    macros.set_macros([macro for macro in found if macro])
    statistics.acknowledged += len(found)


class MetadataDownload:
    """Refreshes the keys that are known here, a share of them a run: the API has no list of keys.

    Args:
        keys_a_run: Each key is a request of its own.
    """

    def __init__(self, keys_a_run: int = 200) -> None:
        self._share, self._last = keys_a_run, ""

    def __call__(
        self, metadata: BaseMetadataDatabase, api: ApiClient, statistics: JobStatistics
    ) -> bool:
        """Refresh the next share, beginning anew after the last key.

        Returns:
            Whether the cloud was asked: without keys there is nothing to ask for.

        Raises:
            CloudError: The first failure; a key that is refused does not hold the others.
        """
        keys = sorted(key for key, _, _ in metadata.get_all_plain())
        share = [key for key in keys if key > self._last][: self._share]
        self._last = share[-1] if len(share) == self._share else ""
        error = first_error([partial(_refresh, metadata, api, key, statistics) for key in share])
        if error is not None:
            raise error
        return bool(share)


def _refresh(
    metadata: BaseMetadataDatabase, api: ApiClient, key: str, statistics: JobStatistics
) -> None:
    found = api.get_metadata(key)
    if found is not None:
        metadata.update_plain(key, found.value, found.timestamp)
        statistics.acknowledged += 1


def synchronize_baobs(baobs: BaseBAOBDatabase, api: ApiClient, statistics: JobStatistics) -> None:
    """Tell the cloud what is here, then do what it asks: delete, download, upload.

    Raises:
        SmokError: The first failure; a BAOB that is refused, too large for the limits or for the
            store, or that comes as something else, does not hold the others.
    """
    told = baobs.get_all_versions()
    plan = api.post_baobs([BAOBDigest(*item) for item in told.items()])
    actions: list[Any] = [
        *(partial(_delete, baobs, key, told.get(key)) for key in plan.should_delete),
        *(partial(_download, baobs, api, key, statistics) for key in plan.should_download),
        *(partial(_upload, baobs, api, key, statistics) for key in plan.should_upload),
    ]
    error = first_error(actions, _ABOUT_ONE_BAOB)
    if error is not None:
        raise error


def _delete(baobs: BaseBAOBDatabase, key: str, told: int | None) -> None:
    try:
        if baobs.get_baob_version(key) == told:
            baobs.delete_baob(key)
        else:
            logger.info("baobs: %r was written meanwhile, it stays", key)
    except KeyError:
        logger.info("baobs: %r is gone already", key)


def _download(baobs: BaseBAOBDatabase, api: ApiClient, key: str, statistics: JobStatistics) -> None:
    data, version = api.get_baob(key)
    try:
        baobs.set_baob_value(key, data, version)
        statistics.acknowledged += 1
    except VersionNotNewer as error:
        logger.info("%s", error)


def _upload(baobs: BaseBAOBDatabase, api: ApiClient, key: str, statistics: JobStatistics) -> None:
    try:
        version, data = baobs.get_baob_version(key), baobs.get_baob_value(key)
    except KeyError:
        logger.info("baobs: %r was deleted before it was sent", key)
        return
    statistics.sent += 1
    api.put_baob(key, data, version)
    statistics.acknowledged += 1
