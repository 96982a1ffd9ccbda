#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "common/async/event_loop.hpp"
#include "common/usage/usage_store.hpp"
#include "tests/contract/usage_store_kinds.hpp"

namespace policyd::usage {

/// A store under test, its clock in the hands of the test.
///
/// A kind of store is a struct with `static constexpr const char* kName` and
/// `std::unique_ptr<UsageStore> Open(async::EventLoop&, text::WallClock)`, whose stores all share
/// one set of data.
template <typename Kind>
class UsageStoreContract : public testing::Test {
protected:
    using Names = std::vector<std::string>;

    static constexpr std::chrono::milliseconds kGrace = kReservationGrace;

    UsageStoreContract() : store_(OpenAnother()) {}

    std::unique_ptr<UsageStore> OpenAnother() {
        return kind_.Open(loop_, [this] { return now_; });
    }

    void Pass(std::chrono::milliseconds time) { now_ += time; }

    Reserved Reserve(const Reservation& reservation) {
        return loop_.RunUntilDone(store_->Reserve(reservation));
    }
    Reserved Reserve(const std::string& id, std::uint64_t bytes, std::vector<Limit> limits,
                     bool settled = false) {
        Reservation reservation;
        reservation.id = id;
        reservation.bytes = bytes;
        reservation.limits = std::move(limits);
        reservation.settled = settled;
        return Reserve(reservation);
    }
    Reserved Settle(const std::string& id, std::uint64_t bytes, std::vector<Limit> limits) {
        return Reserve(id, bytes, std::move(limits), true);
    }
    void Release(const std::string& id, const Names& mailboxes,
                 Unreserve what = Unreserve::kWhatIsUnsettled) {
        loop_.RunUntilDone(store_->Release(id, mailboxes, what));
    }
    std::optional<Filling> FillingOf(const std::string& mailbox) {
        return loop_.RunUntilDone(store_->FindFilling(mailbox));
    }
    bool NoteWarned(const std::string& mailbox, std::optional<std::uint64_t> from,
                    std::uint64_t to) {
        return loop_.RunUntilDone(store_->NoteWarned(mailbox, from, to));
    }
    Names TakeChanged() { return loop_.RunUntilDone(store_->TakeChanged(100)); }
    std::vector<std::chrono::milliseconds> NoteFull(const Names& mailboxes) {
        return loop_.RunUntilDone(store_->NoteFull(mailboxes, std::chrono::hours(24)));
    }
    void Commit(const std::vector<Measurement>& measurements) {
        loop_.RunUntilDone(store_->Commit(measurements, kGrace));
    }
    void Commit(const std::string& mailbox, std::uint64_t bytes, std::uint64_t messages) {
        Commit({{mailbox, bytes, messages, now_}});
    }
    void Remove(const Names& mailboxes) { loop_.RunUntilDone(store_->Remove(mailboxes)); }
    std::optional<Usage> Find(const std::string& mailbox) {
        return loop_.RunUntilDone(store_->Find(mailbox));
    }
    std::optional<Usage> FindDomain(const std::string& domain) {
        return loop_.RunUntilDone(store_->FindDomain(domain));
    }
    Usage UsageOf(const std::string& mailbox) { return Find(mailbox).value_or(Usage()); }
    Usage UsageOfDomain(const std::string& domain) { return FindDomain(domain).value_or(Usage()); }
    Names Measured() { return loop_.RunUntilDone(store_->MeasuredMailboxes()); }

    Names Unmeasured() { return loop_.RunUntilDone(store_->UnmeasuredMailboxes()); }
    void NoteAbsent(const Names& mailboxes) {
        loop_.RunUntilDone(store_->NoteAbsent(mailboxes, now_, kGrace));
    }

    async::EventLoop loop_;
    Kind kind_;
    text::WallTime now_{std::chrono::milliseconds(1'800'000'000'000)};
    std::unique_ptr<UsageStore> store_;
};

struct StoreName {
    template <typename Kind>
    static std::string GetName(int) {
        return Kind::kName;
    }
};

using StoreKinds = testing::Types<InRedis, InSqlite>;
TYPED_TEST_SUITE(UsageStoreContract, StoreKinds, StoreName);

}  // namespace policyd::usage
