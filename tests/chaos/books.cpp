#include "tests/chaos/books.hpp"

#include <algorithm>
#include <cstdio>
#include <fstream>

namespace policyd::test {

namespace {

namespace fs = std::filesystem;

/// The time that a request may take (request_time_limit in the run), how closely it is kept, and
/// what a machine adds that is busy with servers, clients and sanitizers.
constexpr std::chrono::milliseconds kLongestAnswer{4'000};
/// policyd itself is stopped for up to three seconds, and Postfix asks it twice, with a second in
/// between.
constexpr std::chrono::milliseconds kLongestReply{10'000};

/// What policyd reserves for a message beside its size.
constexpr std::uint64_t kOverhead = 1'000;

unsigned long long ToPrint(std::uint64_t number) {
    return number;
}

/// The subject of a delivered message names it.
std::string NameOf(const fs::path& file) {
    constexpr std::string_view kField = "Subject: ";
    std::ifstream message(file);
    for (std::string line; std::getline(message, line);)
        if (line.starts_with(kField)) return line.substr(kField.size());
    return {};
}

/// How often each message is in each user's mailbox. Where nothing was delivered, there is none.
std::map<std::pair<std::string, std::string>, int> Delivered(const fs::path& mail_store) {
    std::map<std::pair<std::string, std::string>, int> delivered;
    std::error_code nothing;
    for (const auto& mailbox : fs::directory_iterator(mail_store / "example.com", nothing))
        for (const auto& file : fs::directory_iterator(mailbox.path() / "new"))
            ++delivered[{mailbox.path().filename().string(), NameOf(file.path())}];
    return delivered;
}

}  // namespace

void Books::NoteReply(const char* command, const SmtpReply& reply, Milliseconds waited) {
    ++replies_[{command, reply.code}];
    longest_reply_ = std::max(longest_reply_, waited);
}

void Books::NoteAsking(const std::string& user, std::uint64_t limit, std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    most_bytes_[user] += bytes + kOverhead;
    limits_[user] = limit;
}

bool Books::MayBeFull(const std::string& user) const {
    return most_bytes_.at(user) > limits_.at(user);
}

void Books::NoteRcpt(const std::string& user, const SmtpReply& reply, Milliseconds waited) {
    const std::lock_guard lock(mutex_);
    NoteReply("RCPT", reply, waited);
    const auto blame = [&](const char* why) {
        wrong_.push_back((user.empty() ? "nobody" : user) + ": " + std::to_string(reply.code) +
                         ' ' + reply.text + ": " + why);
    };
    if (user.empty()) {
        if (reply.IsPositive()) blame("does not exist");
        return;
    }
    if (reply.code < 500) return;
    if (reply.code != 552)
        blame("exists");
    else if (!MayBeFull(user))
        blame("is not full");
}

void Books::NoteEnd(const std::string& message, const std::vector<std::string>& users,
                    const SmtpReply& reply, Milliseconds waited) {
    const std::lock_guard lock(mutex_);
    NoteReply("end of message", reply, waited);
    if (reply.code == 250)
        for (const std::string& user : users) accepted_.emplace(user, message);
    else if (reply.code >= 500 &&
             !(reply.code == 552 && std::all_of(users.begin(), users.end(),
                                                [this](const auto& u) { return MayBeFull(u); })))
        wrong_.push_back("end of message: " + std::to_string(reply.code) + ' ' + reply.text);
}

void Books::NoteBrokenSession(const std::string& message) {
    const std::lock_guard lock(mutex_);
    unsure_.insert(message);
    ++broken_sessions_;
}

void Books::NoteAnswer(Milliseconds waited) {
    const std::lock_guard lock(mutex_);
    ++answers_;
    longest_answer_ = std::max(longest_answer_, waited);
}

bool Books::Balance(const fs::path& mail_store) const {
    const std::lock_guard lock(mutex_);
    const auto delivered = Delivered(mail_store);
    const auto lost = std::count_if(accepted_.begin(), accepted_.end(),
                                    [&](const Copy& copy) { return !delivered.contains(copy); });
    std::uint64_t doubled = 0;
    std::uint64_t unaccounted = 0;
    for (const auto& [copy, times] : delivered) {
        if (times > 1) ++doubled;
        if (!accepted_.contains(copy) && !unsure_.contains(copy.second)) ++unaccounted;
    }
    for (const auto& [reply, count] : replies_)
        std::printf("%6llu times %d to %s\n", ToPrint(count), reply.second, reply.first.c_str());
    std::printf(
        "messages accepted: %zu\nlost: %lld\ndelivered twice: %llu\n"
        "delivered although not accepted: %llu\nsessions broken off: %llu\n"
        "longest wait for a reply of Postfix: %.1f s\n"
        "longest wait for one of %llu answers of policyd: %.1f s\nwrong replies: %zu\n",
        accepted_.size(), static_cast<long long>(lost), ToPrint(doubled), ToPrint(unaccounted),
        ToPrint(broken_sessions_), static_cast<double>(longest_reply_.count()) / 1000,
        ToPrint(answers_), static_cast<double>(longest_answer_.count()) / 1000, wrong_.size());
    for (const std::string& wrong : wrong_) std::printf("  wrong: %s\n", wrong.c_str());
    return wrong_.empty() && lost == 0 && doubled == 0 && unaccounted == 0 && !accepted_.empty() &&
           longest_reply_ <= kLongestReply && longest_answer_ <= kLongestAnswer;
}

}  // namespace policyd::test
