#pragma once

/// The texts in Lua that RedisScripts() are made of, which nothing else has a use for.
namespace policyd::usage::redis_script_parts {

// What scripts begin with: redis_script_beginning.cpp.

/// What all scripts begin with: the time, and the totals of a domain. Records are numbers packed as
/// doubles, which Lua takes apart several times faster than text.
extern const char* const kBegin;

/// Puts the totals of a domain right where what was to change it failed half way.
extern const char* const kMend;

/// While the mailboxes of a domain are counted anew (kBeginCount), what every change ends with, so
/// that each is in the new sums once, and as it is.
extern const char* const kCount;

/// How a mailbox keeps sums of many reservations, and finds one of them again.
extern const char* const kSums;

/// Changes of mailboxes are collected, and written with the domain's totals first: where memory is
/// short, Redis refuses that first write, and nothing is left half done.
extern const char* const kChanges;

/// What has to be done before anything else when time has passed, or has gone back.
extern const char* const kTend;

// What each does: redis_script_reservations.cpp, redis_script_measurements.cpp and
// redis_script_warnings.cpp.

/// Makes and gives back any number of reservations, each in one domain: KEYS has for each of them
/// the key of the domain and then those of its mailboxes. ARGV[1] goes on with how many
/// reservations a mailbox keeps one by one, and the grace. Then there are two arguments for each:
/// its numbers and the field that it is in. The numbers begin with how many mailboxes it has and
/// whether it is made (1) or given back (0).
///
/// Of one that is made there follow the bytes of one copy, how long ago it was accepted, which
/// mailboxes must have room (0: all, 1: any, 2: none), whether it is settled (0: no, 1: yes, 2: no
/// more), whether it ends fullness, whether what the id held is to be told, whether the domain is
/// limited, its bytes and its messages; and for each mailbox its limits, and the copies that it
/// gets.
///
/// Of one that is given back there follow whether also what is settled goes, and how long ago it
/// was given back: what was settled since then stays.
///
/// Returns for each reservation packed numbers, or the error that stood in its way. Of one that is
/// given back there are none; of one that is made, whether it was; whether the domain is full;
/// where the domain is limited its bytes, messages, reserved bytes and copies without this message;
/// then for each mailbox whether it is full, the same four, when its measurement began or -1, and
/// the percentage last warned of or -1; where it is to be told, what the id held: bytes, copies,
/// for how long and whether it was settled.
extern const char* const kReservations;

/// Stores the measurements of any number of domains: KEYS has for each of them its key and then
/// those of its mailboxes. ARGV[1] goes on with the grace and whether changes are to be told; then
/// there is one argument for each domain, which has for each mailbox when the measurement began,
/// its bytes and its messages. Returns for each domain a 1 for each mailbox that has changed or
/// that nobody has looked at, a 0 for each other; or the error that stood in its way.
extern const char* const kCommit;

/// Forgets mailboxes and what is reserved in them: KEYS has their keys behind the domain's.
/// Returns 1.
extern const char* const kRemove;

/// Drops what is reserved in mailboxes that are not there: KEYS has their keys behind the domain's.
/// ARGV[1] goes on with the time at which they were looked for, and the grace. Returns 1.
extern const char* const kAbsent;

/// Returns packed numbers: the mailboxes that are known, and the sums of their bytes, messages,
/// reserved bytes and copies.
extern const char* const kDomain;

/// Begins to count the mailboxes of the domain anew, in place of whoever was about it. ARGV[1] goes
/// on with the number of this count.
extern const char* const kBeginCount;

/// Counts mailboxes, whose keys are behind the domain's, and lists those that hold reservations.
/// ARGV[1] goes on with the number of the count; nothing is done where it was given up.
extern const char* const kCountMailboxes;

/// Ends the count: what it has come to is what the domain has. ARGV[1] goes on with its number.
/// Returns a packed 1 if the domain had something else, 0 if not, -1 where the count was given up.
extern const char* const kEndCount;

/// ARGV[1] goes on with the percentage last warned of, or -1, that another one is to replace, and
/// that one; -2 only looks. Returns packed numbers: whether the mailbox is known, the bytes that
/// are in it at least, the percentage last warned of before, whether it was replaced, and, where it
/// only looks, the messages as well, and the bytes and the messages with all that is reserved.
extern const char* const kWarned;

}  // namespace policyd::usage::redis_script_parts
