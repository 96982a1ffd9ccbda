#pragma once

#include <coroutine>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/recipients/mail_system.hpp"
#include "common/recipients/postfix_recipient_resolver.hpp"
#include "common/text/fold_case.hpp"
#include "tests/support/run_to_end.hpp"

namespace policyd::recipients {

/// A table in memory that remembers what it was asked for and can be broken.
class MapTable final : public tables::LookupTable {
public:
    const std::string& Name() const override { return name_; }

    async::Task<std::optional<std::string>> Find(std::string_view key) override {
        asked.emplace_back(key);
        if (broken) throw outage::TableUnavailable("broken");
        const auto row = rows.find(text::FoldCase(key));
        if (row == rows.end()) co_return std::nullopt;
        co_return row->second;
    }
    const void* Server() const override { return server; }
    async::Task<std::vector<tables::Outcome>> FindTogether(
        std::vector<tables::Question> questions) override {
        ++times_asked_together;
        if (held != nullptr) {
            const Hold hold{*held};
            co_await hold;
        }
        std::vector<tables::Outcome> outcomes;
        for (const tables::Question& question : questions) {
            try {
                outcomes.emplace_back(co_await question.table->Find(question.key));
            } catch (const outage::TableUnavailable&) {
                outcomes.emplace_back(std::current_exception());
            }
        }
        co_return outcomes;
    }

    const void* server = nullptr;  ///< null: in memory
    int times_asked_together = 0;
    /// Where given, who asks several things together waits there to be resumed.
    std::vector<std::coroutine_handle<>>* held = nullptr;
    std::map<std::string, std::string> rows;
    bool broken = false;
    std::vector<std::string> asked;

private:
    struct Hold {
        std::vector<std::coroutine_handle<>>& held;
        bool await_ready() const { return false; }
        void await_suspend(std::coroutine_handle<> asking) const { held.push_back(asking); }
        void await_resume() const {}
    };

    std::string name_ = "map:";
};

/// The how-to's mail system over tables in memory: hosted domains example.com and example.org,
/// users joe and ann in the former, each mapped to itself after the forwardings.
class MailSystemFixture : public testing::Test {
protected:
    MailSystemFixture() {
        domains.rows = {{"example.com", "example.com"}, {"example.org", "example.org"}};
        AddUser("joe@example.com");
        AddUser("ann@example.com");
        system.rewriting.myorigin = "mx.lab.test";
        system.rewriting.mydomain = "lab.test";
        system.myhostname = "mx.lab.test";
        system.local_transport = "local:mx.lab.test";
        system.virtual_transport = "virtual";
        system.relay_transport = "relay";
        system.default_transport = "smtp";
        system.mailbox_transports = {"virtual", "lmtp:unix:"};
        system.mydestination = List("mydestination", {"mx.lab.test"});
        system.virtual_mailbox_domains = List("virtual_mailbox_domains", {"test:domains"});
        system.virtual_alias_maps =
            tables::TableChain("virtual_alias_maps", {&forwardings, &email2email});
        system.virtual_mailbox_maps = tables::TableChain("virtual_mailbox_maps", {&mailboxes});
        system.virtual_mailbox_maps_as_written = system.virtual_mailbox_maps;
        system.virtual_mailbox_limit_maps =
            tables::TableChain("virtual_mailbox_limit_maps", {&quotas});
        system.transport_maps = tables::TableChain("transport_maps", {&transports});
    }

    /// A row of users, as the how-to's queries show it.
    void AddUser(const std::string& address) {
        const std::string key = text::FoldCase(address);
        const std::size_t at = address.rfind('@');
        mailboxes.rows[key] = address.substr(at + 1) + '/' + address.substr(0, at) + '/';
        email2email.rows[key] = address;
        quotas.rows[key] = "0";
    }

    tables::DomainList List(
        const std::string& parameter, const std::vector<std::string>& elements,
        tables::DomainList::Matching matching = tables::DomainList::Matching::kExact) {
        const auto open = [this](std::string_view) -> tables::LookupTable& { return domains; };
        const auto no_file = [](const std::string&) -> std::shared_ptr<const tables::ListParts> {
            throw std::logic_error("no list here has a file in it");
        };
        return tables::DomainList(parameter, elements, matching, open, no_file,
                                  [](const std::string&) {});
    }

    Resolution Resolve(const std::string& recipient) {
        PostfixRecipientResolver resolver(system);
        return test::RunToEnd(resolver.Resolve(recipient));
    }

    Resolution::Kind KindOf(const std::string& recipient) { return Resolve(recipient).kind; }

    /// The names of the mailboxes, in the order found.
    std::vector<std::string> MailboxesOf(const std::string& recipient) {
        std::vector<std::string> names;
        for (const Mailbox& mailbox : Resolve(recipient).mailboxes)
            names.emplace_back(mailbox.name);
        return names;
    }

    MapTable domains, forwardings, email2email, mailboxes, quotas, transports;
    MailSystem system;
};

}  // namespace policyd::recipients
