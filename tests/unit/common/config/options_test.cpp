#include "common/config/options.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <stdexcept>

#include "common/config/config_file.hpp"
#include "common/config/reference.hpp"

namespace policyd::config {
namespace {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;
using testing::ElementsAre;

const Option& Named(std::string_view name) {
    return *FindOption(name);
}

TEST(OptionsTest, EveryOptionAcceptsTheDefaultItShows) {
    const Settings defaults;
    for (const Option& option : Options()) {
        const std::string line = std::string(option.name) + " = " + Show(defaults, option) + '\n';
        EXPECT_EQ(ParseConfig(line, "default").settings, defaults) << line;
        EXPECT_FALSE(option.help.empty()) << option.name;
    }
    EXPECT_EQ(ParseConfig(ShowAll(defaults), "all defaults").settings, defaults);
}

TEST(OptionsTest, NamesAreUniqueAndSectionsStandTogether) {
    std::set<std::string_view> names;
    std::vector<Section> order;
    for (const Option& option : Options()) {
        EXPECT_TRUE(names.insert(option.name).second) << option.name;
        if (order.empty() || order.back() != option.section) order.push_back(option.section);
    }
    std::vector<Section> sections;
    for (const SectionText& section : Sections()) sections.push_back(section.section);
    EXPECT_EQ(order, sections);
}

TEST(AssignTest, ParsesTextForEveryTypeOfOption) {
    Settings settings;
    Assign(settings, Named("swap_bangpath"), "no");
    Assign(settings, Named("workers"), "3");
    Assign(settings, Named("request_time_limit"), "1500ms");
    Assign(settings, Named("idle_time_limit"), std::int64_t{1200});
    Assign(settings, Named("relay_domains"), "a.example, b.example");
    EXPECT_FALSE(settings.swap_bangpath);
    EXPECT_EQ(settings.workers, 3u);
    EXPECT_EQ(settings.request_time_limit, 1500ms);
    EXPECT_EQ(settings.idle_time_limit, 1200s);
    EXPECT_THAT(settings.relay_domains, ElementsAre("a.example", "b.example"));
}

struct BadValue {
    const char* option;
    Value value;
    const char* message;
};

const BadValue kBadValues[] = {
    {"workers", "four", "expected a number from 1 to 256, found \"four\""},
    {"workers", std::int64_t{0}, "expected a number from 1 to 256, found 0"},
    {"workers", std::int64_t{-1}, "expected a number from 1 to 256, found -1"},
    {"workers", true, "expected a number from 1 to 256, found true"},
    {"swap_bangpath", std::int64_t{1}, "expected true or false, found 1"},
    {"log_level", "warn",
     "expected debug, info, warning or error (did you mean \"warning\"?), found \"warn\""},
    {"checks", "recipient, mailbox_quota, recipient",
     "expected recipient only once, found \"recipient, mailbox_quota, recipient\""},
    {"log_destination", "printer",
     "expected stderr, syslog, journal or file:/PATH, found \"printer\""},
    {"listen", "tcp:1", "expected unix:PATH, inet:HOST:PORT or inet:[IPV6]:PORT, found \"tcp:1\""},
    {"myhostname", std::int64_t{1}, "expected a text in quotes, found 1"},
    {"unix_socket_mode", "rw", "expected permissions in octal such as 0660, found \"rw\""},
    {"mailbox_layout", "../%u",
     "expected a layout such as %d/%u, %d/%u/Maildir or %d/%1u/%u, found \"../%u\""},
    {"mailbox_layout", "%u",
     "expected a layout such as %d/%u, %d/%u/Maildir or %d/%1u/%u, found \"%u\""},
    {"usage_store", "mysql:x",
     "expected sqlite:/PATH, redis:unix:/PATH or redis:inet:HOST:PORT, found \"mysql:x\""},
    {"usage_store", "redis:127.0.0.1:6379",
     "expected redis: and unix:PATH, inet:HOST:PORT or inet:[IPV6]:PORT, as in "
     "redis:inet:127.0.0.1:6379, found \"redis:127.0.0.1:6379\""},
    {"dovecot_quota_clone", "redis:127.0.0.1",
     "expected redis: and unix:PATH, inet:HOST:PORT or inet:[IPV6]:PORT, as in "
     "redis:inet:127.0.0.1:6379, found \"redis:127.0.0.1\""},
    {"table_failure_action", "550 5.1.1 no",
     "expected DUNNO, DEFER_IF_PERMIT, DEFER or 4NN with a text, found \"550 5.1.1 no\""},
};

TEST(AssignTest, SaysWhatWasExpectedAndLeavesTheSettingsAlone) {
    for (const BadValue& bad : kBadValues) {
        Settings settings;
        try {
            Assign(settings, Named(bad.option), bad.value);
            ADD_FAILURE() << bad.option << " took " << bad.message;
        } catch (const std::invalid_argument& error) {
            EXPECT_STREQ(error.what(), bad.message) << bad.option;
        }
        EXPECT_EQ(settings, Settings{}) << bad.option;
    }
}

TEST(AssignTest, TakesEveryLayoutThatTheScannerKnows) {
    for (const char* layout : {"%d/%u", "%d/%n/Maildir", "%d/%1u/%1.1u/%u", "%Ld/%Ln", "%u@%d"}) {
        Settings settings;
        Assign(settings, Named("mailbox_layout"), layout);
        EXPECT_EQ(settings.mailbox_layout, layout);
    }
}

TEST(AssignTest, RefusesActionsThatPostfixWouldTakeForPermission) {
    Settings settings;
    for (const char* action : {"552", "OK", "", "relay", "552 5.2.2"})
        EXPECT_THROW(Assign(settings, Named("mailbox_full_action"), action), std::invalid_argument)
            << action;
}

TEST(ChangedTest, NamesWhatHasChangedOfWhatCounts) {
    Settings after;
    after.workers = 9;
    after.log_level = "debug";
    after.usage_store = "redis:inet:127.0.0.1:6379";
    after.scan_threads = 3;
    after.usage_source = "both";
    const auto of_start = [](const Option& option) {
        return option.takes == Takes::kEffectOnRestart;
    };
    const auto of_server = [](const Option& option) { return Concerns(Program::kServer, option); };
    const auto of_scanner = [](const Option& option) {
        return Concerns(Program::kScanner, option);
    };
    EXPECT_EQ(Changed({}, after, of_start), "workers, usage_store, scan_threads, usage_source");
    EXPECT_EQ(Changed({}, after, of_server), "workers, log_level, usage_store, usage_source");
    EXPECT_EQ(Changed({}, after, of_scanner), "log_level, usage_store, scan_threads, usage_source");
    EXPECT_EQ(Changed(after, after, of_scanner), "");
}

}  // namespace
}  // namespace policyd::config
