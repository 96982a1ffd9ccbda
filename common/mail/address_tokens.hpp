#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace policyd::mail {

/// One token of an RFC 822 address in external form, with '%', '!' and '|' as operators besides the
/// specials of the RFC (Postfix's tok822(3)).
struct AddressToken {
    enum class Kind {
        kOperator,       ///< `text` is the one character
        kAtom,           ///< `text` is the word
        kQuotedString,   ///< `text` is what it stands for, without quotes and backslashes
        kDomainLiteral,  ///< `text` is what stands between the brackets
        kComment,        ///< `text` is all of it, parentheses included
    };

    Kind kind = Kind::kAtom;
    std::string text;

    bool Is(char operation) const { return kind == Kind::kOperator && text[0] == operation; }
    bool IsWord() const { return kind != Kind::kOperator; }
};

using AddressTokens = std::vector<AddressToken>;

/// Takes an external address apart. Never fails: what is not understood is a token as well.
AddressTokens Tokenized(std::string_view external);

/// The internal form of what the tokens say. Words side by side are set apart by a blank.
std::string Internalized(const AddressTokens& tokens);

/// A token as it is written in an external address.
std::string Externalized(const AddressToken& token);

}  // namespace policyd::mail
