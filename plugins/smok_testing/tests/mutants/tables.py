"""Wrong tables."""

import time
import unicodedata

from plugins.smok_testing.tests.mutants.base import table
from smok_core.engine.base import Row, TableStats, When
from smok_core.engine.memory import MemoryTable
from smok_core.errors import BackendUnavailable


@table("TA8.acknowledge_leaves_what_changed_meanwhile")
class AcknowledgeIgnoresSeq(MemoryTable):
    """Acknowledges whatever is stored under the key, also what arrived later."""

    def _acknowledge(self, done):
        row = self._rows.get(done.key)
        return super()._acknowledge(done._replace(seq=row.seq) if row else done)


@table("TA8.acknowledge_of_a_later_seq_does_nothing")
class AcknowledgeUpToSeq(MemoryTable):
    """Takes the seq for a watermark."""

    def _acknowledge(self, done):
        row = self._rows.get(done.key)
        return super()._acknowledge(
            done._replace(seq=row.seq) if row and row.seq < done.seq else done
        )


@table("TA8.acknowledge_sets_the_tag_in_any_case")
class TagOnlyIfCurrent(MemoryTable):
    """Loses the server's id of an event that changed during its upload."""

    def _acknowledge(self, done):
        row = self._rows.get(done.key)
        stale = row and row.seq != done.seq
        return super()._acknowledge(done._replace(tag=None) if stale else done)


@table("TA8.acknowledge_sets_the_tag_in_any_case")
class TagTakesASeq(MemoryTable):
    """Setting the tag counts as a change."""

    def _acknowledge(self, done):
        acknowledged = super()._acknowledge(done)
        if done.tag is not None and done.key in self._rows:
            self._rows[done.key] = self._rows[done.key]._replace(seq=self._next())
        return acknowledged


@table("TA8.acknowledge_without_tag_keeps_the_tag")
class TagCleared(MemoryTable):
    """A acknowledgement without a tag forgets the tag."""

    def _acknowledge(self, done):
        acknowledged = super()._acknowledge(done)
        if done.tag is None and done.key in self._rows:
            self._rows[done.key] = self._rows[done.key]._replace(tag=None)
        return acknowledged


@table("TA8.acknowledge_ignores_unknown_keys")
class AcknowledgeMakesRows(MemoryTable):
    """Acknowledging an unknown key stores a row for it."""

    def _acknowledge(self, done):
        self._rows.setdefault(done.key, Row(done.key, b"", 0.0, self._next(), False, done.tag))
        return super()._acknowledge(done)


@table("TA8.acknowledge_removes_if_nothing_changed")
class RemoveIgnoresSeq(MemoryTable):
    """Removes a record that was written again during its upload."""

    def _acknowledge(self, done):
        acknowledged = super()._acknowledge(done)
        if done.remove:
            self._rows.pop(done.key, None)
        return acknowledged


@table("TA8.acknowledge_removes_rows_that_do_not_wait")
class RemoveOnlyPending(MemoryTable):
    """Does not remove what is acknowledged already."""

    def _acknowledge(self, done):
        row = self._rows.get(done.key)
        return super()._acknowledge(done._replace(remove=done.remove and bool(row and row.pending)))


@table("TA8.acknowledge_twice_is_harmless")
class AcknowledgeCountsAgain(MemoryTable):
    """Counts what it did not change."""

    def acknowledge(self, acks):
        super().acknowledge(acks)
        return sum(done.key in self._rows for done in acks)


@table("TA8.acknowledge_takes_a_whole_batch")
class AcknowledgeOnlyAHundred(MemoryTable):
    """Stops after a hundred acks."""

    def acknowledge(self, acks):
        return super().acknowledge(acks[:100])


@table("Q6.a_lease_has_one_holder_at_a_time")
class AbsentLooksFirst(MemoryTable):
    """Looks whether there is a row, and writes a moment later."""

    def put(self, key, value, *, when=When.ALWAYS, expected_seq=None, **more):
        row = self.get(key)
        if when is When.ABSENT and row is not None:
            return False
        if expected_seq is not None and (row is None or row.seq != expected_seq):
            return False
        time.sleep(0.001)
        return super().put(key, value, **more)


@table("Q6.a_dead_holder_is_followed_and_shut_out")
class ExpectedSeqIsForNewRows(MemoryTable):
    """Never writes over a row that somebody else has put."""

    def put(self, key, value, *, expected_seq=None, **more):
        return expected_seq is None and super().put(key, value, **more)


@table("TA2.put_if_newer_is_strict")
class NewerAcceptsEqual(MemoryTable):
    """Takes an equal stamp for newer."""

    def put(self, key, value, *, stamp=0.0, when=When.ALWAYS, **more):
        row = self._rows.get(key)
        if when is When.NEWER and row and row.stamp == stamp:
            when = When.ALWAYS
        return super().put(key, value, stamp=stamp, when=when, **more)


@table("TA2.put_if_newer_is_strict")
class RefusalQueues(MemoryTable):
    """A write that is refused leaves the row pending all the same."""

    def put(self, key, value, *, pending=False, **more):
        written = super().put(key, value, pending=pending, **more)
        if not written and pending and key in self._rows:
            self._rows[key] = self._rows[key]._replace(pending=True)
        return written


@table("TA2.put_if_absent_writes_once")
class AbsentOverwrites(MemoryTable):
    """Does not look whether there is a row."""

    def put(self, key, value, *, when=When.ALWAYS, **more):
        when = When.ALWAYS if when is When.ABSENT else when
        return super().put(key, value, when=when, **more)


@table("TA2.put_compares_and_sets")
class ExpectedSeqIgnored(MemoryTable):
    """Overwrites what another thread wrote."""

    def put(self, key, value, *, expected_seq=None, **more):
        return super().put(key, value, **more)


@table("TA2.put_compares_and_sets")
class ExpectedSeqOfNothing(MemoryTable):
    """Writes a row that is gone again."""

    def put(self, key, value, *, expected_seq=None, **more):
        expected_seq = expected_seq if key in self._rows else None
        return super().put(key, value, expected_seq=expected_seq, **more)


@table("TA2.expected_seq_adds_to_the_condition")
class ExpectedSeqReplacesWhen(MemoryTable):
    """Forgets the condition when a seq is expected."""

    def put(self, key, value, *, expected_seq=None, when=When.ALWAYS, **more):
        when = when if expected_seq is None else When.ALWAYS
        return super().put(key, value, expected_seq=expected_seq, when=when, **more)


@table("TA2.put_always_overwrites")
class AlwaysMeansNewer(MemoryTable):
    """Compares stamps even if nobody asked for it."""

    def put(self, key, value, *, stamp=0.0, when=When.ALWAYS, **more):
        row = self._rows.get(key)
        older = when is When.ALWAYS and row and stamp < row.stamp
        return not older and super().put(key, value, stamp=stamp, when=when, **more)


@table("TA3.every_write_takes_a_higher_seq")
class EqualValueKeepsSeq(MemoryTable):
    """Thinks that writing the same value is no write."""

    def put(self, key, value, **more):
        row = self._rows.get(key)
        written = super().put(key, value, **more)
        if written and row and row.value == value:
            self._rows[key] = self._rows[key]._replace(seq=row.seq)
        return written


@table("TA3.a_seq_is_never_used_again")
class SeqIsMaxPlusOne(MemoryTable):
    """Takes the next seq from what is stored, so a deletion gives it back."""

    def _next(self):
        return max((row.seq for row in self._rows.values()), default=0) + 1


@table("TA3.put_keeps_the_tag")
class TagLostOnPut(MemoryTable):
    """Forgets the server's id when a row is written again."""

    def put(self, key, value, **more):
        if written := super().put(key, value, **more):
            self._rows[key] = self._rows[key]._replace(tag=None)
        return written


@table("metadata-Q1.a_backlog_of_thousands_drains_in_order_changes")
@table("TA7.the_oldest_change_is_handed_over_first")
class PendingByKey(MemoryTable):
    """Hands over in the order of the keys."""

    def pending(self, limit, after=0):
        return sorted(super().pending(10**6, after))[:limit]


@table("TA7.the_oldest_change_is_handed_over_first")
class PendingByStamp(MemoryTable):
    """Hands over in the order of the clock."""

    def pending(self, limit, after=0):
        return sorted(super().pending(10**6, after), key=lambda row: row.stamp)[:limit]


@table("TA7.pending_is_bounded")
class PendingZeroIsAll(MemoryTable):
    """Takes the limit 0 for no limit, as some servers do."""

    def pending(self, limit, after=0):
        return super().pending(limit or 10**6, after)


@table("TA7.pending_pages_without_acknowledging")
class PendingAfterInclusive(MemoryTable):
    """Gives the last row of a page again."""

    def pending(self, limit, after=0):
        return super().pending(limit, after - 1)


@table("TA7.a_put_that_does_not_wait_ends_the_wait")
class WaitNeverEnds(MemoryTable):
    """A row that waited once waits after every write."""

    def put(self, key, value, *, pending=False, **more):
        row = self._rows.get(key)
        return super().put(key, value, pending=pending or bool(row and row.pending), **more)


@table("TA5.rows_is_a_snapshot")
class RowsAreLive(MemoryTable):
    """Lists keys now and reads the rows later."""

    def rows(self):
        return (self._rows[key] for key in list(self._rows) if key in self._rows)


@table("TA5.rows_come_in_the_order_of_their_seq")
class RowsByKey(MemoryTable):
    """Lists in the order of the keys."""

    def rows(self):
        return iter(sorted(super().rows()))


@table("TA5.rows_is_a_snapshot")
class RowsOfOnePage(MemoryTable):
    """Lists the first thousand only."""

    def rows(self):
        return iter(list(super().rows())[:1000])


@table("TA6.replace_makes_exactly_these_rows")
class ReplaceMerges(MemoryTable):
    """Leaves rows that are not in the new set."""

    def replace(self, rows):
        super().replace({key: row.value for key, row in self._rows.items()} | dict(rows))


@table("TA6.replaced_rows_start_afresh")
class ReplaceKeepsTags(MemoryTable):
    """Replaced rows keep tag and stamp."""

    def replace(self, rows):
        old = self._rows
        super().replace(rows)
        for key in set(old) & set(rows):
            self._rows[key] = self._rows[key]._replace(tag=old[key].tag, stamp=old[key].stamp)


@table("TA6.replaced_rows_start_afresh")
class ReplaceRestartsSeq(MemoryTable):
    """Counts from one again."""

    def replace(self, rows):
        self._seq = 0
        super().replace(rows)


@table("TA6.a_reader_never_sees_half_a_replacement")
class ReplaceInSteps(MemoryTable):
    """Removes first and adds afterwards, where everybody can see."""

    def replace(self, rows):
        for key in list(self._rows):
            self.delete(key)
            time.sleep(0)
        for key, value in rows.items():
            self.put(key, value)


@table("TA6.replace_takes_many_rows")
class ReplaceTruncates(MemoryTable):
    """Keeps the first thousand rows."""

    def replace(self, rows):
        super().replace(dict(list(rows.items())[:1000]))


@table("G2.what_a_table_gives_is_the_callers_own")
class ReplaceKeepsTheMapping(MemoryTable):
    """Reads the caller's mapping later."""

    def replace(self, rows):
        super().replace(rows)
        self._source = rows

    def rows(self):
        source = vars(self).get("_source") or {}
        for key in set(source) - set(self._rows):
            self.put(key, source[key])
        return super().rows()


@table("TA4.delete_compares_the_seq")
class DeleteIgnoresSeq(MemoryTable):
    """Removes what was written meanwhile."""

    def delete(self, key, *, expected_seq=None):
        return super().delete(key)


@table("TA4.delete_tells_whether_there_was_a_row")
class DeleteAlwaysTrue(MemoryTable):
    """Says that it deleted what never was."""

    def delete(self, key, **more):
        return super().delete(key, **more) or True


@table("TA4.a_deleted_row_leaves_nothing_behind")
class DeleteLeavesTheTag(MemoryTable):
    """Gives a new row the tag of a deleted one."""

    def delete(self, key, **more):
        row = self._rows.get(key)
        vars(self).setdefault("_tags", {})[key] = row.tag if row else None
        return super().delete(key, **more)

    def put(self, key, value, **more):
        fresh = key not in self._rows
        written = super().put(key, value, **more)
        if written and fresh:
            tag = vars(self).get("_tags", {}).get(key)
            self._rows[key] = self._rows[key]._replace(tag=tag)
        return written


@table("TA1.get_many_gives_those_that_exist")
class GetManyGivesNone(MemoryTable):
    """Gives None for unknown keys instead of leaving them out."""

    def get_many(self, keys):
        return {key: self.get(key) for key in keys}


@table("TA1.stamps_are_kept_exactly")
class StampsAreRounded(MemoryTable):
    """Keeps stamps as milliseconds."""

    def put(self, key, value, *, stamp=0.0, **more):
        return super().put(key, value, stamp=round(stamp, 3), **more)


@table("TA1.a_row_waits_only_if_told_to")
class EverythingWaits(MemoryTable):
    """Queues every write."""

    def put(self, key, value, *, pending=True, **more):
        return super().put(key, value, pending=pending, **more)


@table("TA1.get_gives_what_put_wrote")
class PutAnswersNothing(MemoryTable):
    """Does not tell whether it wrote."""

    def put(self, key, value, **more):
        super().put(key, value, **more)


@table("TA1.get_of_an_unknown_key_is_none")
class GetMakesRows(MemoryTable):
    """Reading an unknown key stores an empty row."""

    def get(self, key):
        self._rows.setdefault(key, Row(key, b"", 0.0, self._next(), False, None))
        return super().get(key)


def _with_keys(rewrite):
    """Give a table that rewrites its keys."""

    class Rewriting(MemoryTable):
        def get(self, key):
            return super().get(rewrite(key))

        def put(self, key, value, **more):
            return super().put(rewrite(key), value, **more)

        def get_many(self, keys):
            return super().get_many(map(rewrite, keys))

    return Rewriting


@table("TA1.every_text_is_an_ordinary_key")
class KeysAreNormalized(_with_keys(lambda key: unicodedata.normalize("NFC", key))):
    """Takes NFC and NFD for one key, as some file systems do."""


@table("TA1.every_text_is_an_ordinary_key")
class KeysAreFolded(_with_keys(str.casefold)):
    """Takes upper and lower case for one key, as some collations do."""


@table("TA1.every_text_is_an_ordinary_key")
class KeysAreStripped(_with_keys(lambda key: key.rstrip(" "))):
    """Ignores trailing spaces, as some collations do."""


@table("TA1.every_text_is_an_ordinary_key")
class KeysArePaths(_with_keys(lambda key: key.rpartition("/")[2] or key)):
    """Takes keys for paths."""


@table("TA1.every_value_is_opaque")
class ValuesEndAtNul(MemoryTable):
    """Cuts values at the first NUL."""

    def put(self, key, value, **more):
        return super().put(key, value.partition(b"\0")[0], **more)


@table("TA9.stats_count_rows_and_waits")
class StatsNeverFall(MemoryTable):
    """Counts pending rows by additions only."""

    def stats(self):
        now = super().stats()
        top = max(vars(self).get("_top", 0), now.pending)
        self._top = top
        return TableStats(rows=now.rows, pending=top)


@table("G1.counting_with_expected_seq_is_exact")
class CompareThenSet(MemoryTable):
    """Compares, and sets a moment later."""

    def put(self, key, value, *, expected_seq=None, **more):
        row = self.get(key)
        if expected_seq is not None and (row is None or row.seq != expected_seq):
            return False
        time.sleep(0.0005)
        return super().put(key, value, **more)


@table("G1.one_of_many_puts_if_absent_wins")
class LookThenPut(MemoryTable):
    """Looks whether a row is there, and puts it a moment later."""

    def put(self, key, value, *, when=When.ALWAYS, **more):
        if when is When.ABSENT:
            if self.get(key):
                return False
            time.sleep(0.0005)
            when = When.ALWAYS
        return super().put(key, value, when=when, **more)


@table("G1.the_newest_stamp_wins")
class NewerThenPut(MemoryTable):
    """Compares stamps, and puts a moment later."""

    def put(self, key, value, *, stamp=0.0, when=When.ALWAYS, **more):
        if when is When.NEWER:
            row = self.get(key)
            if row and row.stamp >= stamp:
                return False
            time.sleep(0.0005)
            when = When.ALWAYS
        return super().put(key, value, stamp=stamp, when=when, **more)


@table("Q2.no_change_is_lost_while_acknowledging")
class AcknowledgeReadsFirst(MemoryTable):
    """Reads the seq, and acknowledges by key a moment later."""

    def acknowledge(self, acks):
        fits = [done for done in acks if self._fits(done)]
        time.sleep(0.0005)
        rows = {done.key: self._rows.get(done.key) for done in fits}
        current = [done._replace(seq=rows[done.key].seq) for done in fits if rows[done.key]]
        return super().acknowledge(current)

    def _fits(self, done):
        row = self.get(done.key)
        return row is not None and row.seq == done.seq


@table("G1.every_thread_finds_its_rows")
class SeqWithoutLock(MemoryTable):
    """Two threads may take one seq."""

    def put(self, key, value, **more):
        seq = self._seq + 1
        time.sleep(0.0002)
        written = super().put(key, value, **more)
        self._seq = seq
        if written:
            self._rows[key] = self._rows[key]._replace(seq=seq)
        return written


@table("G1.listings_do_not_break_beside_writers")
class RowsAreADictView(MemoryTable):
    """Iterates over what others change."""

    def rows(self):
        for row in self._rows.values():
            time.sleep(0)
            yield row


@table("G4.an_acknowledgement_that_raises_changes_nothing")
class AcknowledgesRowByRow(MemoryTable):
    """Each row is acknowledged in a transaction of its own."""

    def acknowledge(self, acks):
        return sum(self._one(ack) for ack in acks)

    def _one(self, ack):
        if ack.tag is not None:
            ack.tag.encode()  # as a driver does
        return super().acknowledge([ack])


@table("G4.an_acknowledgement_that_raises_changes_nothing")
class TagsThenAcknowledges(MemoryTable):
    """All tags are written in a transaction before the one that ends the waits."""

    def acknowledge(self, acks):
        rows = self.get_many([ack.key for ack in acks])
        super().acknowledge([ack._replace(seq=0) for ack in acks if ack.key in rows])
        return super().acknowledge([ack._replace(seq=0 + ack.seq) for ack in acks])


@table("TA8.acknowledge_ends_the_wait_of_what_was_handed_out")
class AcknowledgeForgetsTheStamp(MemoryTable):
    """Writes the row anew, without its stamp."""

    def acknowledge(self, acks):
        count = super().acknowledge(acks)
        self._rows = {k: r if r.pending else r._replace(stamp=0.0) for k, r in self._rows.items()}
        return count


@table("TA5.a_listing_may_be_left_unfinished")
class ListingHoldsTheStore(MemoryTable):
    """Lets nobody write until a listing was read to its end."""

    _listings = 0

    def rows(self):
        self._listings += 1
        yield from super().rows()
        self._listings -= 1

    def put(self, key, value, **more):
        if self._listings:
            raise BackendUnavailable("kit", "the table is locked")
        return super().put(key, value, **more)
