"""The contract in one line each: every id that a clause may carry, and where else one is proved."""

from __future__ import annotations

from typing import Final

__all__ = ["CONTRACT", "ELSEWHERE", "PRIMITIVE_RULES"]

#: What the roles promise.
CONTRACT: Final = {
    "G1": "Any method may be called from any thread; iterators do not break beside writers.",
    "G2": "Values are copied on the way in and on the way out.",
    "G3": "The configured durability holds once a call has returned; flush and close force it.",
    "G4": "A call takes effect whole or not at all, and repeating it is harmless.",
    "G5": "Every text of 1 to 512 bytes is an ordinary key; anything else is refused.",
    "G6": "Values outside the declared types are refused, nothing is coerced.",
    "G7": "Errors are of the SmokError family and show no secret.",
    "G8": "Order is that of the store, whatever the clock does.",
    "G9": "Each device sees only its own data.",
    "G10": "Two processes share a store, or the second is refused; neither harms the other.",
    "G11": "What cannot be decoded is set aside, reported and counted.",
    "G12": "A store of a newer release is refused without being changed.",
    "G13": "A full store refuses new data and still drains.",
    "G14": "A damaged store does not keep a device from starting.",
    "G15": "Parent and child of a fork both go on, and share no handle, lock or buffer.",
    "Q1": "One bounded batch per role is out at a time, oldest first.",
    "Q2": "Acknowledging acknowledges exactly what was handed out, as it was.",
    "Q3": "No answer, a bad answer or a restart loses nothing.",
    "Q4": "Acknowledging twice, late or in part is harmless.",
    "Q5": "Nothing is dropped silently; a bounded queue refuses, or counts what it drops.",
    "Q6": "One synchronizer at a time per device and store; a dead one is followed.",
    "Q7": "The status names whatever is lost, set aside, or waits where nothing looks.",
    "PP1": "Pathpoints take times in ms and int, float, str, bool or a failure, kept exactly.",
    "PP2": "The current value is the one with the greatest time.",
    "PP3": "Archives are read by time, both ends included, streamed.",
    "PP4": "Late values are archived and uploaded; equal repeats are nothing.",
    "PP5": "The upload has the shape of the API.",
    "PP6": "Retention forgets what is old and uploaded, never the current value.",
    "EV1": "Events are added, closed once and listed, under one provisional uuid for life.",
    "EV2": "The n-th uuid is the n-th event's; what changed meanwhile goes again with it.",
    "EV3": "Caches of predicates keep plain data exactly and refuse anything else.",
    "EV4": "Only closed and synced events are forgotten.",
    "EV5": "The null database keeps nothing and is chosen by name only.",
    "SW1": "Audit records are all kept, one entry each, until the cloud has them.",
    "MA1": "What ran here does not come back through the cloud's list.",
    "MA2": "An execution is taken out and reported once.",
    "ME1": "Metadata is put, read, listed and deleted by key.",
    "ME2": "The cloud's value wins only if it is strictly newer.",
    "ME3": "An empty text is a value.",
    "ME4": "Local changes, deletions included, wait for the cloud through restarts.",
    "BA1": "BAOBs are set, read, listed and deleted by key.",
    "BA2": "Data and version change together.",
    "BA3": "The version must grow.",
    "BA4": "0 bytes to 64 MiB come back on every backend.",
    "SE1": "Sensors are replaced as a whole and found by their tags in any order.",
    "AR1": "Archiving instructions are replaced as a whole.",
    "PR1": "Predicates are replaced as a whole or changed one by one.",
    "U1": "Every good record reaches the cloud at least once, in order.",
    "U2": "Only records that are bad for good become dead letters.",
    "U3": "Requests are limited in time and size and never redirected.",
    "U4": "Stopping is quick and acknowledges nothing without an answer.",
    "U5": "Weeks without a link cost disk, not memory.",
}

#: What the primitives promise; the wording of law is in `smok_core.engine.base`.
PRIMITIVE_RULES: Final = {
    "TA1": "Table: rows are kept exactly, by any key.",
    "TA2": "Table: a write happens under its condition or not at all.",
    "TA3": "Table: every write takes a higher seq and keeps the tag.",
    "TA4": "Table: a deletion removes one row, if it is the expected one.",
    "TA5": "Table: a listing is a snapshot in the order of the seqs.",
    "TA6": "Table: a replacement makes exactly the given rows, at once.",
    "TA7": "Table: rows wait in the order of their seqs and are given in bounded parts.",
    "TA8": "Table: an acknowledgement ends the wait of the very seq, and sets the tag in any case.",
    "TA9": "Table: the counts are right.",
    "TA10": "Table: no more rows wait than a write allows, and what goes for it is counted.",
    "SR1": "Series: points are kept exactly, by any name, and read in order.",
    "SR2": "Series: equal points change nothing, other values replace and queue again.",
    "SR3": "Series: points wait in the order of their arrival, under seqs used once.",
    "SR4": "Series: an acknowledgement takes out exactly the given seqs.",
    "SR5": "Series: a range streams beside writers in bounded memory.",
    "SR6": "Series: trimming spares what waits and the latest of each name.",
    "SR7": "Series: stored points can be made pending again.",
    "SR8": "Series: the counts are right.",
    "SR9": "Series: the queue keeps its limits as configured.",
    "BL1": "Blobs: any bytes are kept with their version, by any key.",
    "BL2": "Blobs: only a higher version is stored.",
    "BL3": "Blobs: a deletion forgets the version too.",
    "EN1": "Engine: one name is one thing, different names are different things.",
    "EN2": "Engine: a closed engine says so; closing twice is harmless.",
    "EN3": "Engine: flush and checkpoint are always allowed.",
    "EN4": "Engine: health tells location and durability.",
    "EN5": "Engine: the codec keeps plain values exactly and refuses everything else.",
}

_UPLOADER: Final = "not checkable on a backend: it is about the uploader; see the tests of cloud"

#: Ids that no clause can prove on a backend.
ELSEWHERE: Final = {
    "EV5": "not checkable on a backend: the null database is built in; see the tests of events",
    "Q7": "not checkable on a backend: it is about several stores; see the tests of `smok status`",
    "U1": _UPLOADER,
    "U3": _UPLOADER,
    "U4": _UPLOADER,
}
