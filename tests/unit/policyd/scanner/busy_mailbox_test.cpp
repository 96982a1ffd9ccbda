// Mailboxes that change while they are measured: whatever happens, no message is counted twice or
// left out for longer than the change lasts.

#include <gtest/gtest.h>

#include <atomic>
#include <cstdio>
#include <thread>

#include "policyd/scanner/mailbox_meter.hpp"
#include "tests/support/mail_store.hpp"
#include "tests/support/plain_recount.hpp"
#include "tests/support/unprivileged.hpp"

namespace policyd::scanner {
namespace {

namespace fs = std::filesystem;

/// Does something again and again on a thread of its own until it is destroyed.
class Meanwhile {
public:
    template <typename Step>
    explicit Meanwhile(Step step)
        : thread_([this, step] {
              for (std::uint64_t i = 0; !stopped_; ++i, ++steps_) step(i);
          }) {}
    ~Meanwhile() {
        stopped_ = true;
        thread_.join();
    }
    std::uint64_t Steps() const { return steps_; }

private:
    std::atomic<bool> stopped_{false};
    std::atomic<std::uint64_t> steps_{0};
    std::thread thread_;
};

void Move(const std::string& from, const std::string& to) {
    if (std::rename(from.c_str(), to.c_str()) != 0) std::abort();
}

struct BusyCase {
    const char* name;
    int messages;
    bool with_sizes;
    int scans;
};

class BusyMailboxTest : public testing::TestWithParam<BusyCase> {
protected:
    /// The messages of GetParam(), 10 bytes each, in `directory`.
    void Fill(const std::string& directory) {
        store_.MakeMaildir("d/u");
        for (int i = 0; i < GetParam().messages; ++i) {
            names_.push_back(std::to_string(i) + ".host" + (GetParam().with_sizes ? ",S=10" : ""));
            store_.WriteFile(directory + '/' + names_.back(), 10);
        }
    }

    /// How many of the scans counted anything but those messages.
    int WrongScans(const Meanwhile& meanwhile) {
        int wrong = 0;
        RecordPointer previous;
        for (int scan = 0; scan < GetParam().scans; ++scan) {
            // Each scan sees the mailbox in motion, however slow the machine.
            for (const auto before = meanwhile.Steps(); meanwhile.Steps() == before;)
                std::this_thread::yield();
            const MeasuredMailbox measured =
                meter_.Measure("d/u", previous, Thoroughness::kWhatChanged);
            previous = measured.record;
            const auto messages = static_cast<std::uint64_t>(GetParam().messages);
            if (previous->Messages() == messages && previous->Bytes() == messages * 10) continue;
            ++wrong;
            std::printf("scan %d: %llu messages, %llu bytes\n", scan,
                        static_cast<unsigned long long>(previous->Messages()),
                        static_cast<unsigned long long>(previous->Bytes()));
        }
        return wrong;
    }

    test::MailStore store_;
    std::vector<std::string> names_;
    StoreFiles files_{store_.Root()};
    CountingRules rules_;
    Pace pace_{0};
    MailboxMeter meter_{files_, rules_, pace_};
};

TEST_P(BusyMailboxTest, FlagChangesAtFullSpeedNeverMakeACountWrong) {
    Fill("d/u/cur");
    const std::string cur = store_ / "d/u/cur/";
    const std::size_t count = names_.size();
    const Meanwhile change_flags([this, cur, count](std::uint64_t i) {
        const std::string& name = names_[i % count];
        const bool is_seen = i / count % 2 == 1;
        Move(cur + name + (is_seen ? ":2,S" : ""), cur + name + (is_seen ? "" : ":2,S"));
    });
    EXPECT_EQ(WrongScans(change_flags), 0);
}

TEST_P(BusyMailboxTest, MovesFromNewToCurAtFullSpeedNeverMakeACountWrong) {
    Fill("d/u/new");
    const std::string fresh = store_ / "d/u/new/";
    const std::string cur = store_ / "d/u/cur/";
    std::atomic<bool> ready{true};
    const std::size_t count = names_.size();
    std::atomic<std::uint64_t> moved{0};
    const Meanwhile move([&, count](std::uint64_t) {
        if (!ready) return std::this_thread::yield();
        const std::uint64_t i = moved++;
        Move(fresh + names_[i % count], cur + names_[i % count] + ":2,");
        if (i % count + 1 == count) ready = false;
    });
    int wrong = 0;
    RecordPointer previous;
    for (int scan = 0; scan < GetParam().scans; ++scan) {
        const MeasuredMailbox measured =
            meter_.Measure("d/u", previous, Thoroughness::kWhatChanged);
        previous = measured.record;
        if (previous->Messages() != count || previous->Bytes() != count * 10) ++wrong;
        if (ready) continue;
        for (const std::string& name : names_) Move(cur + name + ":2,", fresh + name);
        ready = true;
    }
    EXPECT_EQ(wrong, 0);
}

TEST_P(BusyMailboxTest, MovesFromCurBackToNewAtFullSpeedNeverMakeACountWrong) {
    Fill("d/u/cur");
    const std::string fresh = store_ / "d/u/new/";
    const std::string cur = store_ / "d/u/cur/";
    std::atomic<bool> ready{true};
    const std::size_t count = names_.size();
    std::atomic<std::uint64_t> moved{0};
    const Meanwhile move([&, count](std::uint64_t) {
        if (!ready) return std::this_thread::yield();
        const std::uint64_t i = moved++;
        Move(cur + names_[i % count], fresh + names_[i % count]);
        if (i % count + 1 == count) ready = false;
    });
    int wrong = 0;
    RecordPointer previous;
    for (int scan = 0; scan < GetParam().scans; ++scan) {
        const MeasuredMailbox measured =
            meter_.Measure("d/u", previous, Thoroughness::kWhatChanged);
        previous = measured.record;
        if (previous->Messages() != count || previous->Bytes() != count * 10) ++wrong;
        if (ready) continue;
        for (const std::string& name : names_) Move(fresh + name, cur + name);
        ready = true;
    }
    EXPECT_EQ(wrong, 0);
}

TEST_P(BusyMailboxTest, MovesToAndFroAtFullSpeedNeverMakeACountWrong) {
    Fill("d/u/new");
    const std::string fresh = store_ / "d/u/new/";
    const std::string cur = store_ / "d/u/cur/";
    const std::size_t count = names_.size();
    const Meanwhile move([this, fresh, cur, count](std::uint64_t i) {
        const std::string& name = names_[i % count];
        const bool is_back = i / count % 2 == 1;
        Move((is_back ? cur : fresh) + name, (is_back ? fresh : cur) + name);
    });
    EXPECT_EQ(WrongScans(move), 0);
}

INSTANTIATE_TEST_SUITE_P(Sizes, BusyMailboxTest,
                         testing::Values(BusyCase{"FewWithSizes", 20, true, 400},
                                         BusyCase{"FewWithout", 20, false, 400},
                                         BusyCase{"ManyWithSizes", 3000, true, 40},
                                         BusyCase{"ManyWithout", 3000, false, 15}),
                         [](const auto& test) { return std::string(test.param.name); });

class MovingMailboxTest : public testing::Test {
protected:
    RecordPointer Measure(const RecordPointer& previous = nullptr) {
        return MailboxMeter(files_, rules_, pace_)
            .Measure("d/u", previous, Thoroughness::kWhatChanged)
            .record;
    }

    test::MailStore store_;
    StoreFiles files_{store_.Root()};
    CountingRules rules_;
    Pace pace_{0};
};

TEST_F(MovingMailboxTest, MessagesThatMoveBetweenFoldersAreRightOnceTheyRest) {
    std::vector<std::string> names;
    for (int i = 0; i < 50; ++i) names.push_back(store_.Deliver("d/u", 10));
    store_.MakeMaildir("d/u/.Archive");
    const std::string inbox = store_ / "d/u/new/";
    const std::string archive = store_ / "d/u/.Archive/cur/";
    RecordPointer record;
    {
        const Meanwhile move([&](std::uint64_t i) {
            const std::string& name = names[i % names.size()];
            const bool is_back = i / names.size() % 2 == 1;
            Move((is_back ? archive : inbox) + name, (is_back ? inbox : archive) + name);
        });
        for (int scan = 0; scan < 200; ++scan) record = Measure(record);
    }
    record = Measure(record);
    EXPECT_EQ(record->Messages(), 50u);
    EXPECT_EQ(record->Bytes(), 500u);
}

TEST_F(MovingMailboxTest, NeverCountsWhatASwappedInSymbolicLinkLeadsTo) {
    store_.Deliver("d/u", 10);
    store_.Deliver("d/victim", 1000);
    const std::string mailbox = store_ / "d/u";
    const std::string aside = store_ / "d/aside";
    fs::create_symlink("victim", store_ / "d/link");
    const std::string link = store_ / "d/link";
    const Meanwhile swap([&](std::uint64_t) {
        Move(mailbox, aside);
        Move(link, mailbox);
        Move(mailbox, link);
        Move(aside, mailbox);
    });
    for (int scan = 0; scan < 500; ++scan) {
        const RecordPointer record = Measure();
        if (record == nullptr) continue;
        ASSERT_LE(record->Bytes(), 10u);
    }
}

TEST_F(MovingMailboxTest, FoldersThatAreRenamedAndMadeAnewAreRightOnceTheyRest) {
    store_.Deliver("d/u/.A", 10);
    store_.Deliver("d/u/.B", 100);
    const std::string a = store_ / "d/u/.A";
    const std::string b = store_ / "d/u/.B";
    const std::string c = store_ / "d/u/.C";
    RecordPointer record;
    {
        const Meanwhile swap([&](std::uint64_t) {
            Move(a, c);
            Move(b, a);
            Move(c, b);
        });
        for (int scan = 0; scan < 200; ++scan) record = Measure(record);
    }
    record = Measure(record);
    const auto truth = test::RecountMailbox(store_ / "d/u");
    EXPECT_EQ(record->Bytes(), truth.bytes);
    EXPECT_EQ(record->Messages(), truth.messages);
}

TEST_F(MovingMailboxTest, KeepsTheLastGoodFiguresOfADirectoryThatCannotBeRead) {
    store_.Deliver("d/u", 10);
    store_.Deliver("d/u/.Closed", 100);
    fs::permissions(store_.Root().parent_path(), fs::perms::all);
    RecordPointer record = Measure();
    store_.Deliver("d/u", 1);
    store_.Deliver("d/u/.Closed", 1000);
    fs::permissions(store_ / "d/u/.Closed/new", fs::perms::none);
    // Not for root, who reads everything: without CAP_DAC_READ_SEARCH.
    MeasuredMailbox measured;
    {
        const test::Unprivileged unprivileged;
        measured =
            MailboxMeter(files_, rules_, pace_).Measure("d/u", record, Thoroughness::kWhatChanged);
    }
    EXPECT_EQ(measured.record->Bytes(), 111u);
    EXPECT_TRUE(measured.record->IsPartial());
    ASSERT_EQ(measured.obstacles.size(), 1u);
    EXPECT_EQ(measured.obstacles[0].path, "d/u/.Closed/new");
    {
        const test::Unprivileged unprivileged;
        const auto again = MailboxMeter(files_, rules_, pace_)
                               .Measure("d/u", measured.record, Thoroughness::kWhatChanged);
        EXPECT_TRUE(again.obstacles.empty()) << "it was reported already";
    }
    fs::permissions(store_ / "d/u/.Closed/new", fs::perms::owner_all);
    record = Measure(measured.record);
    EXPECT_EQ(record->Bytes(), 1111u);
    EXPECT_FALSE(record->IsPartial());
}

TEST_F(MovingMailboxTest, CountsALargeDirectoryInOneReading) {
    store_.MakeMaildir("d/u");
    constexpr int kMessages = 20'000;
    for (int i = 0; i < kMessages; ++i)
        store_.WriteFile("d/u/cur/" + std::to_string(i) + std::string(100, 'x') + ",S=7", 0);
    const RecordPointer record = Measure();
    EXPECT_EQ(record->Messages(), kMessages + 0u);
    EXPECT_EQ(record->Bytes(), kMessages * 7u);
}

}  // namespace
}  // namespace policyd::scanner
