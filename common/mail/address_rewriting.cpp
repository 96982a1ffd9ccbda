#include "common/mail/address_rewriting.hpp"

#include <algorithm>
#include <iterator>

#include "common/mail/address.hpp"
#include "common/text/ascii.hpp"

namespace policyd::mail {

namespace {

AddressTokens::iterator FirstOf(AddressTokens& tokens, char operation) {
    return std::find_if(tokens.begin(), tokens.end(),
                        [operation](const AddressToken& t) { return t.Is(operation); });
}

AddressTokens::iterator LastOf(AddressTokens& tokens, char operation) {
    const auto last = std::find_if(tokens.rbegin(), tokens.rend(),
                                   [operation](const auto& t) { return t.Is(operation); });
    return last == tokens.rend() ? tokens.end() : std::prev(last.base());
}

void Append(AddressTokens& tokens, char operation, std::string_view text) {
    tokens.push_back({AddressToken::Kind::kOperator, std::string(1, operation)});
    AddressTokens more = Tokenized(text);
    std::move(more.begin(), more.end(), std::back_inserter(tokens));
}

bool IsEmptyString(const AddressTokens& tokens) {
    return tokens.size() == 1 && tokens[0].kind == AddressToken::Kind::kQuotedString &&
           tokens[0].text.empty();
}

void StripRoute(AddressTokens& tokens) {
    if (!tokens.front().Is('@')) return;
    const auto colon = FirstOf(tokens, ':');
    if (colon != tokens.end() && std::next(colon) != tokens.end())
        tokens.erase(tokens.begin(), std::next(colon));
}

/// `domain!user` becomes `user@domain`.
void SwapBangPath(AddressTokens& tokens, AddressTokens::iterator bang) {
    AddressTokens swapped(std::make_move_iterator(std::next(bang)),
                          std::make_move_iterator(tokens.end()));
    swapped.push_back({AddressToken::Kind::kOperator, "@"});
    std::move(tokens.begin(), bang, std::back_inserter(swapped));
    tokens = std::move(swapped);
}

void AddDomain(AddressTokens& tokens, const RewritingRules& rules) {
    const auto bang = FirstOf(tokens, '!');
    const auto percent = LastOf(tokens, '%');
    if (rules.swap_bangpath && bang != tokens.end()) {
        SwapBangPath(tokens, bang);
    } else if (rules.allow_percent_hack && percent != tokens.end()) {
        percent->text = "@";
    } else if (rules.append_at_myorigin && !rules.myorigin.empty()) {
        Append(tokens, '@', rules.myorigin);
    }
}

void AddParentDomain(AddressTokens& tokens, const RewritingRules& rules) {
    if (!rules.append_dot_mydomain || rules.mydomain.empty()) return;
    const auto at = LastOf(tokens, '@');
    if (at == tokens.end() || std::next(at) == tokens.end()) return;
    const bool is_complete = std::any_of(at, tokens.end(), [](const AddressToken& token) {
        return token.Is('.') || token.kind == AddressToken::Kind::kDomainLiteral;
    });
    if (!is_complete) Append(tokens, '.', rules.mydomain);
}

void StripLastDot(AddressTokens& tokens) {
    if (tokens.size() < 2 || !tokens.back().Is('.')) return;
    const AddressToken& before = tokens[tokens.size() - 2];
    if (!before.Is('.') && !before.Is('@')) tokens.pop_back();
}

}  // namespace

void Rewrite(AddressTokens& tokens, const RewritingRules& rules) {
    if (tokens.empty() || IsEmptyString(tokens)) return;
    if (tokens.size() == 1 && tokens[0].Is('@')) {
        tokens[0] = {AddressToken::Kind::kQuotedString, ""};
        return;
    }
    StripRoute(tokens);
    if (LastOf(tokens, '@') == tokens.end()) AddDomain(tokens, rules);
    AddParentDomain(tokens, rules);
    StripLastDot(tokens);
}

std::string Rewritten(std::string_view address, const RewritingRules& rules) {
    return RewrittenExternal(Quoted(address), rules);
}

std::string RewrittenExternal(std::string_view address, const RewritingRules& rules) {
    if (IsPlain(address)) return std::string(address);
    AddressTokens tokens = Tokenized(address);
    Rewrite(tokens, rules);
    return Unquoted(Quoted(Internalized(tokens)));
}

}  // namespace policyd::mail
