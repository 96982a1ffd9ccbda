#include "loadtest/population.hpp"

#include <algorithm>
#include <numeric>
#include <stdexcept>

#include "loadtest/mailbox_query.hpp"

namespace policyd::loadtest {

namespace {

/// Newcomers of different seeds are different people; the generated ones are none of them.
constexpr std::uint64_t kNewcomersOfOneSeed = 100'000'000;

NameList Open(const char* option, const std::string& source, NameList::Pattern pattern) {
    try {
        return OpenNameList(source, std::move(pattern));
    } catch (const std::exception& error) {
        throw std::runtime_error(std::string(option) + ": " + error.what());
    }
}

NameList OpenRecipients(const Options& options) {
    if (!IsDatabase(options.recipients))
        return Open("--recipients", options.recipients, GeneratedRecipient);
    return NameList(ReadMailboxes(options.recipients, options.recipients_query));
}

/// About 0.6 of `count`, so that neighbours in the list do not come one after the other.
std::uint64_t StrideThrough(std::uint64_t count) {
    std::uint64_t stride = count * 618 / 1000 + 1;
    while (std::gcd(stride, count) != 1) ++stride;
    return stride;
}

}  // namespace

Population::Population(const Options& options)
    : recipients_(OpenRecipients(options)),
      senders_(Open("--senders", options.senders, GeneratedSender)),
      clients_(Open("--clients", options.clients, GeneratedClient)),
      recipient_choice_(recipients_.Size(), ParsePopularity(options.recipient_choice)),
      sender_choice_(senders_.Size(), ParsePopularity(options.sender_choice)),
      client_choice_(clients_.Size(), ParsePopularity(options.client_choice)),
      of_everybody_(Expect(options.expect)),
      of_unknown_(Expect(options.expect_unknown)),
      at_end_(Expect(options.expect_end)),
      first_new_((options.seed + 1) * kNewcomersOfOneSeed),
      stride_(StrideThrough(recipients_.Size())) {
    if (!recipients_.IsGenerated()) {
        for (std::uint64_t place = 0; place < recipients_.Size(); ++place)
            Expect(std::string(recipients_.Rest(place)));
    }
    victim_ = RecipientAt(0);
    if (!options.victim.empty()) victim_ = Recipient{options.victim, of_everybody_};
    new_recipients_ = Random(options.seed).Below(recipients_.Size());
}

const Expectation* Population::Expect(const std::string& text) {
    if (text.empty()) return nullptr;
    return &expectations_.try_emplace(text, text).first->second;
}

Recipient Population::RecipientAt(std::uint64_t place) const {
    Recipient recipient{recipients_.Name(place), of_everybody_};
    const std::string_view expected = recipients_.Rest(place);
    if (!expected.empty()) recipient.expected = &expectations_.find(expected)->second;
    return recipient;
}

ClientHost Population::ClientAt(std::uint64_t place) const {
    ClientHost client{clients_.Name(place), std::string(clients_.Rest(place))};
    if (client.name.empty()) client.name = ClientName(client.address);
    return client;
}

Recipient Population::ChooseRecipient(Random& random) const {
    return RecipientAt(recipient_choice_.Choose(random));
}

std::string Population::ChooseSender(Random& random) const {
    return senders_.Name(sender_choice_.Choose(random));
}

ClientHost Population::ChooseClient(Random& random) const {
    return ClientAt(client_choice_.Choose(random));
}

Recipient Population::Victim() const {
    return victim_;
}

Recipient Population::UnknownRecipient(Random& random) const {
    const std::string existing = recipients_.Name(recipient_choice_.Choose(random));
    const std::size_t at = std::min(existing.rfind('@'), existing.size());
    const std::string nobody = "nobody" + std::to_string(random.Below(1'000'000'000));
    return Recipient{nobody + existing.substr(at), of_unknown_};
}

Recipient Population::NewRecipient() {
    const std::uint64_t place = new_recipients_;
    new_recipients_ = (new_recipients_ + stride_) % recipients_.Size();
    return RecipientAt(place);
}

std::string Population::NewSender() {
    return GeneratedSender(first_new_ + new_senders_++);
}

ClientHost Population::NewClient() {
    const std::string address = GeneratedClient(first_new_ + new_clients_++);
    return ClientHost{address, ClientName(address)};
}

}  // namespace policyd::loadtest
