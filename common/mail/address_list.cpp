#include "common/mail/address_list.hpp"

#include <algorithm>

#include "common/mail/address.hpp"
#include "common/mail/address_tokens.hpp"

namespace policyd::mail {

namespace {

/// Looks at the tokens from right to left, which is the order in which it is decided where an
/// address begins: between two words without an operator a comma is missing, and what is left of
/// `<address>` is a phrase.
class AddressListParser {
public:
    explicit AddressListParser(AddressTokens tokens) : tokens_(std::move(tokens)) {
        std::erase_if(tokens_, [](const AddressToken& token) {
            return token.kind == AddressToken::Kind::kComment;
        });
        left_ = right_ = tokens_.size();
    }

    std::vector<std::string> Addresses() {
        while (left_ > 0) Look(tokens_[left_ - 1]);
        EndAddress();
        std::reverse(addresses_.begin(), addresses_.end());
        return std::move(addresses_);
    }

private:
    void Look(const AddressToken& token) {
        if (token.Is('>')) {
            EndAddress();
            DropToken();
            while (left_ > 0 && !tokens_[left_ - 1].Is('<')) --left_;
            EndAddress();
            DropUntil(">;,:");
            word_may_come_ = true;
        } else if (token.Is(':') && in_group_) {
            EndAddress();
            DropUntil(",");
        } else if (token.Is(';') || token.Is(',')) {
            EndAddress();
            DropToken();
            in_group_ |= token.Is(';');
            word_may_come_ = true;
        } else {
            if (token.IsWord() && !word_may_come_) EndAddress();
            word_may_come_ = !token.IsWord();
            --left_;
        }
    }

    /// What was passed since the last address, if anything, is an address.
    void EndAddress() {
        std::string address;
        for (std::size_t i = left_; i < right_; ++i) address += Externalized(tokens_[i]);
        if (left_ < right_) addresses_.push_back(std::move(address));
        right_ = left_;
    }

    /// The next token belongs to no address.
    void DropToken() {
        if (left_ > 0) right_ = --left_;
    }

    void DropUntil(std::string_view operators) {
        const auto stops = [operators](const AddressToken& token) {
            return !token.IsWord() && operators.find(token.text[0]) != std::string_view::npos;
        };
        while (left_ > 0 && !stops(tokens_[left_ - 1])) DropToken();
        // A colon that ends a phrase is not part of the next address.
        if (left_ > 0) right_ = left_ - 1;
    }

    AddressTokens tokens_;
    std::vector<std::string> addresses_;  // from right to left
    std::size_t left_ = 0;                // tokens from here on were looked at
    std::size_t right_ = 0;  // tokens from here on belong to an address or were dropped
    bool word_may_come_ = true;
    bool in_group_ = false;
};

}  // namespace

std::vector<std::string> ParseAddressList(std::string_view list) {
    if (IsPlain(list)) return {std::string(list)};
    return AddressListParser(Tokenized(list)).Addresses();
}

}  // namespace policyd::mail
