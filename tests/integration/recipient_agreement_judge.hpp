#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <optional>
#include <ostream>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/async/event_loop.hpp"
#include "common/mail/address.hpp"
#include "common/mail/mailbox_layout.hpp"
#include "common/recipients/postfix_recipient_resolver.hpp"
#include "tests/integration/recipient_agreement_site.hpp"
#include "tests/support/postfix_instance.hpp"
#include "tests/support/smtp_client.hpp"

namespace policyd::agreement {

/// A recipient in the two forms that matter: as a client types it between the angle brackets, and
/// as Postfix hands it to a policy service.
struct Recipient {
    std::string typed;
    std::string attribute;
};

inline Recipient MakeRecipient(const std::string& address) {
    return {mail::Quoted(address), address};
}

/// What becomes of mail for a recipient.
struct Answer {
    enum class Kind { kNotOurs, kUnknown, kKnown, kTemporary };
    Kind kind = Kind::kNotOurs;
    std::set<std::string> directories;  ///< Maildirs that get it, relative to the mail store
    /// From Postfix alone: accepted at RCPT, and then refused for now or kept in the queue.
    bool is_held = false;
    std::string detail;  ///< the reply, for people

    bool operator==(const Answer& other) const {
        return kind == other.kind && directories == other.directories;
    }
};

inline std::string Described(const Answer& answer) {
    static const char* const kNames[] = {"not ours", "unknown", "known", "temporary"};
    std::string text = kNames[static_cast<int>(answer.kind)];
    for (const auto& directory : answer.directories) text += " [" + directory + "]";
    return text + "   " + answer.detail;
}

inline void PrintTo(const Answer& answer, std::ostream* out) {
    *out << Described(answer);
}

/// Asks a real Postfix: smtpd for who exists, real deliveries for where mail ends.
class Judge {
public:
    /// Starts Postfix with the parameters of a site, whose tables are filled already.
    void Hear(const Site& site, const TableStore& store) {
        Rows parameters = ParametersOf(site, store);
        parameters["smtpd_relay_restrictions"] = "";
        parameters["smtpd_recipient_restrictions"] =
            "reject_unauth_destination, reject_unlisted_recipient";
        if (postfix_) {
            postfix_->Stop();
            std::filesystem::remove_all(postfix_->MailStore());
        }
        postfix_ = std::make_unique<test::PostfixInstance>(parameters);
    }

    test::PostfixInstance& Postfix() { return *postfix_; }

    std::vector<Answer> Answers(const std::vector<Recipient>& recipients) {
        std::vector<Answer> answers;
        test::SmtpClient client(postfix_->Port());
        client.Ehlo();
        for (const Recipient& recipient : recipients)
            answers.push_back(Ask(client, recipient, answers.size()));
        client.Quit();
        postfix_->WaitUntilIdle();
        CollectDeliveries(answers);
        MarkDeferred(answers);
        return answers;
    }

private:
    static Answer Ask(test::SmtpClient& client, const Recipient& recipient, std::size_t number) {
        // Without SMTPUTF8, smtpd refuses a domain that is not ASCII before anybody is asked.
        const bool needs_utf8 = !text::IsAscii(recipient.typed);
        client.Command(needs_utf8 ? "MAIL FROM:<> SMTPUTF8" : "MAIL FROM:<>");
        const test::SmtpReply reply = client.Rcpt(recipient.typed);
        Answer answer;
        answer.kind = KindOf(reply);
        answer.detail = std::to_string(reply.code) + ' ' + reply.text;
        if (answer.kind == Answer::Kind::kKnown) {
            const test::SmtpReply end =
                client.Data("X-Case: " + std::to_string(number) + "\n\nx\n");
            answer.is_held = end.code >= 400;
            answer.detail += "; end of data: " + std::to_string(end.code) + ' ' + end.text;
        } else {
            client.Rset();
        }
        return answer;
    }

    static Answer::Kind KindOf(const test::SmtpReply& reply) {
        if (reply.code < 400) return Answer::Kind::kKnown;
        if (reply.text.find("Relay access denied") != reply.text.npos)
            return Answer::Kind::kNotOurs;
        if (reply.code == 500 || reply.code == 501 || reply.code == 503 || reply.code == 553)
            return Answer::Kind::kNotOurs;  // syntax: the policy service is never asked
        return reply.code < 500 ? Answer::Kind::kTemporary : Answer::Kind::kUnknown;
    }

    void CollectDeliveries(std::vector<Answer>& answers) {
        const auto store = postfix_->MailStore();
        for (const auto& entry : std::filesystem::recursive_directory_iterator(store)) {
            const auto directory = entry.path().parent_path();
            if (!entry.is_regular_file() || directory.filename() != "new") continue;
            const std::string message = test::ReadFile(entry.path());
            const std::size_t mark = message.find("X-Case: ");
            if (mark == message.npos) throw std::logic_error("not our message: " + message);
            answers.at(std::stoul(message.substr(mark + 8)))
                .directories.insert(
                    std::filesystem::relative(directory.parent_path(), store).string());
        }
    }

    /// Messages that are still in the queue: the address resolver or a delivery agent failed.
    void MarkDeferred(std::vector<Answer>& answers) {
        if (postfix_->DeferredMessages() == 0) return;
        const auto deferred = postfix_->Directory() / "queue/deferred";
        for (const auto& entry : std::filesystem::recursive_directory_iterator(deferred)) {
            if (!entry.is_regular_file()) continue;
            const std::string message = test::ReadFile(entry.path());
            const std::size_t mark = message.find("X-Case: ");
            if (mark != message.npos)
                answers.at(std::stoul(message.substr(mark + 8))).is_held = true;
        }
    }

    std::unique_ptr<test::PostfixInstance> postfix_;
};

/// Our answers for the same tables.
class Ours {
public:
    Ours(const Site& site, const TableStore& store)
        : site_(site),
          settings_(SettingsOf(site, store)),
          registry_(loop_, Tables()),
          resolver_(recipients::OpenMailSystem(settings_, registry_)) {}

    Answer AnswerFor(const Recipient& recipient) {
        Answer answer;
        try {
            const auto resolution = loop_.RunUntilDone(resolver_.Resolve(recipient.attribute));
            answer.kind = resolution.kind == recipients::Resolution::Kind::kDeferred
                              ? Answer::Kind::kTemporary
                              : static_cast<Answer::Kind>(resolution.kind);
            for (const auto& mailbox : resolution.mailboxes)
                answer.directories.insert(DirectoryOf(std::string(mailbox.name)));
        } catch (const outage::TableUnavailable& error) {
            answer.kind = Answer::Kind::kTemporary;
            answer.detail = error.what();
        }
        return answer;
    }

private:
    static tables::TableSettings Tables() {
        tables::TableSettings settings;
        settings.mysql_time_limit = std::chrono::seconds(20);  // other tests run beside
        settings.warn = [](const std::string&) {};
        return settings;
    }

    /// A mailbox whose directory fits no layout is named by its address.
    std::string DirectoryOf(const std::string& name) const {
        static const mail::MailboxLayout layout("%d/%u");
        if (auto directory = layout.DirectoryOf(name)) return *directory;
        const std::string external = mail::Quoted(name);
        const std::string& row = site_.users.count(external) != 0 ? external : name;
        return mail::DirectoryWithinBase(MaildirOf(row)).value_or("outside the store");
    }

    const Site site_;
    async::EventLoop loop_;
    config::Settings settings_;
    tables::TableRegistry registry_;
    recipients::PostfixRecipientResolver resolver_;
};

}  // namespace policyd::agreement
