#include "common/mail/address_tokens.hpp"

#include "common/text/byte_set.hpp"

namespace policyd::mail {

namespace {

using Kind = AddressToken::Kind;

constexpr text::ByteSet kSpaces(" \t\r\n");
constexpr text::ByteSet kOperators("|%!()<>@,;:\\\".[]");
constexpr auto kNeedQuotes = kOperators.With(0x00, ' ').With(0x7f, 0x7f);

class Scanner {
public:
    explicit Scanner(std::string_view text) : rest_(text.substr(0, text.find('\0'))) {}

    AddressTokens All() {
        AddressTokens tokens;
        while (!rest_.empty()) {
            if (kSpaces.Has(rest_.front())) {
                rest_.remove_prefix(1);
            } else {
                tokens.push_back(Next());
            }
        }
        return tokens;
    }

private:
    AddressToken Next() {
        switch (const char c = rest_.front(); c) {
            case '(':
                return {Kind::kComment, Comment()};
            case '[':
                return {Kind::kDomainLiteral, Delimited(']')};
            case '"':
                return {Kind::kQuotedString, Delimited('"')};
            case '\\':
                return Word();
            default:
                if (!kOperators.Has(c)) return Word();
                rest_.remove_prefix(1);
                return {Kind::kOperator, std::string(1, c)};
        }
    }

    /// Takes characters, and whatever follows a backslash, until `ends` says stop.
    template <typename Ends>
    std::string Collect(Ends ends) {
        std::string text;
        while (!rest_.empty()) {
            char c = rest_.front();
            if (c == '\\') {
                rest_.remove_prefix(1);
                if (rest_.empty()) break;
                c = rest_.front();
            } else if (ends(c)) {
                break;
            }
            text += kSpaces.Has(c) ? ' ' : c;
            rest_.remove_prefix(1);
        }
        return text;
    }

    std::string Delimited(char end) {
        rest_.remove_prefix(1);
        std::string text = Collect([end](char c) { return c == end; });
        if (!rest_.empty()) rest_.remove_prefix(1);
        return text;
    }

    AddressToken Word() {
        std::string text = Collect([](char c) { return kSpaces.Has(c) || kOperators.Has(c); });
        // Only a backslash can have brought these into a word.
        return {kNeedQuotes.HasAnyOf(text) ? Kind::kQuotedString : Kind::kAtom, std::move(text)};
    }

    std::string Comment() {
        std::size_t level = 0;
        std::size_t end = 0;
        while (end < rest_.size()) {
            const char c = rest_[end++];
            if (c == '(') ++level;
            if (c == ')' && --level == 0) break;
            if (c == '\\' && end < rest_.size()) ++end;
        }
        std::string text(rest_.substr(0, end));
        rest_.remove_prefix(end);
        return text;
    }

    std::string_view rest_;
};

/// `text` with a backslash before each of `special`.
std::string Escaped(std::string_view text, std::string_view special) {
    std::string escaped;
    for (const char c : text) {
        if (special.find(c) != std::string_view::npos) escaped += '\\';
        escaped += c;
    }
    return escaped;
}

}  // namespace

AddressTokens Tokenized(std::string_view external) {
    return Scanner(external).All();
}

std::string Internalized(const AddressTokens& tokens) {
    std::string text;
    for (auto token = tokens.begin(); token != tokens.end(); ++token) {
        const bool is_literal = token->kind == Kind::kDomainLiteral;
        text += is_literal ? '[' + token->text + ']' : token->text;
        const auto next = token + 1;
        if (next == tokens.end()) break;
        if (token->Is(',') || next->Is('<') || (token->IsWord() && next->IsWord())) text += ' ';
    }
    return text;
}

std::string Externalized(const AddressToken& token) {
    switch (token.kind) {
        case Kind::kQuotedString:
            return '"' + Escaped(token.text, "\"\\\r\n") + '"';
        case Kind::kDomainLiteral:
            return '[' + Escaped(token.text, "\\\r\n") + ']';
        default:
            return token.text;
    }
}

}  // namespace policyd::mail
