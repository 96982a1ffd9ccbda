#include "tests/chaos/traffic.hpp"

#include <algorithm>
#include <optional>
#include <random>
#include <stdexcept>

#include "tests/support/policy_client.hpp"

namespace policyd::test {

namespace {

using Clock = std::chrono::steady_clock;

constexpr unsigned kClients = 6;

std::chrono::milliseconds Since(Clock::time_point began) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began);
}

/// One session: recipients, some of whom do not exist, and a message if any of them is accepted;
/// one in ten hangs up before that.
class Letter {
public:
    Letter(const Site& site, Books& books, std::minstd_rand& random, std::string name)
        : client_(site.Postfix().Port()), books_(books), random_(random), name_(std::move(name)) {}

    void Send() {
        client_.Ehlo();
        const std::string text = "Subject: " + name_ + '\n' + SampleMessage(random_() % 5'000);
        const auto line_ends = std::count(text.begin(), text.end(), '\n');
        client_.Mail("sender@elsewhere.example", text.size());
        std::vector<std::string> users;
        for (unsigned recipients = random_() % 4 == 0 ? 2 : 1; recipients > 0; --recipients)
            if (const auto user = Rcpt(text.size() + static_cast<std::size_t>(line_ends)))
                users.push_back(*user);
        if (users.empty() || random_() % 10 == 0) return;
        const auto began = Clock::now();
        const SmtpReply reply = client_.Data(text);
        books_.NoteEnd(name_, users, reply, Since(began));
    }

private:
    /// The user, if one is accepted.
    std::optional<std::string> Rcpt(std::uint64_t bytes) {
        const int number = static_cast<int>(random_() % BackEnds::kUsers);
        const bool exists = random_() % 4 != 0;
        const std::string user = exists ? BackEnds::User(number) : "";
        const std::string address = exists ? user : "nobody" + std::to_string(random_());
        const std::uint64_t limit = BackEnds::LimitOf(number);
        books_.NoteAsking(user, limit, bytes);
        const auto began = Clock::now();
        const SmtpReply reply = client_.Rcpt(address + "@example.com");
        books_.NoteRcpt(user, reply, Since(began));
        if (!reply.IsPositive()) return std::nullopt;
        return user;
    }

    SmtpClient client_;
    Books& books_;
    std::minstd_rand& random_;
    const std::string name_;
};

}  // namespace

Traffic::Traffic(const Site& site, Books& books, unsigned seed) : site_(site), books_(books) {
    for (unsigned client = 1; client <= kClients; ++client)
        threads_.emplace_back([this, client, seed] { SendMail(client, seed); });
    threads_.emplace_back([this] { AskPolicyd(); });
}

Traffic::~Traffic() {
    stopping_ = true;
    for (std::thread& thread : threads_) thread.join();
}

void Traffic::SendMail(unsigned client, unsigned seed) {
    std::minstd_rand random(seed + client);
    for (unsigned number = 0; !stopping_; ++number) {
        const std::string name = std::to_string(client) + '-' + std::to_string(number);
        try {
            Letter(site_, books_, random, name).Send();
        } catch (const std::runtime_error&) {
            books_.NoteBrokenSession(name);
        }
    }
}

/// Every answer that nothing was done to policyd during is to come in time, whatever was done to
/// its back ends.
void Traffic::AskPolicyd() {
    std::optional<PolicyClient> client;
    for (unsigned number = 0; !stopping_; ++number) {
        const unsigned troubles = site_.Troubles();
        const int place = static_cast<int>(number % BackEnds::kUsers);
        const std::string user = BackEnds::User(place);
        // It is the same message all the time.
        if (number < BackEnds::kUsers) books_.NoteAsking(user, BackEnds::LimitOf(place), 1);
        const auto began = Clock::now();
        try {
            if (!client) client.emplace(site_.PolicyPort());
            client->Ask(RequestText({{"recipient", user + "@example.com"},
                                     {"sender", "a@elsewhere.example"},
                                     {"instance", "probe"},
                                     {"size", "1"}}));
            if (troubles % 2 == 0 && troubles == site_.Troubles()) books_.NoteAnswer(Since(began));
        } catch (const std::runtime_error&) {
            client.reset();
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
}

}  // namespace policyd::test
