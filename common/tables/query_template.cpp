#include "common/tables/query_template.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "common/tables/prepared_query.hpp"
#include "common/text/ascii.hpp"

namespace policyd::tables {

namespace {

Template ParseParameter(const char* name, std::string_view text) {
    try {
        return Template(text);
    } catch (const std::invalid_argument& error) {
        throw std::invalid_argument(std::string(name) + ": " + error.what());
    }
}

/// Those that are not empty.
std::vector<std::string_view> Labels(std::string_view domain) {
    return text::SplitAtAny(domain, ".");
}

}  // namespace

Template::Template(std::string_view text) {
    std::string literal;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            literal += text[i];
            continue;
        }
        const char letter = ++i < text.size() ? text[i] : '\0';
        if (letter == '%') {
            literal += '%';
        } else if (letter != '\0' &&
                   std::string_view("sudSUD123456789").find(letter) != std::string_view::npos) {
            if (!literal.empty()) pieces_.push_back({0, std::exchange(literal, {})});
            pieces_.push_back({letter, {}});
        } else {
            throw std::invalid_argument(
                "after '%' stands one of s, u, d, S, U, D, 1 to 9, or another '%'");
        }
    }
    if (!literal.empty()) pieces_.push_back({0, std::move(literal)});
}

bool Template::Uses(std::string_view expansions) const {
    return std::any_of(pieces_.begin(), pieces_.end(), [expansions](const Piece& piece) {
        return piece.expansion != 0 && expansions.find(piece.expansion) != std::string_view::npos;
    });
}

unsigned Template::MostLabels() const {
    unsigned most = 0;
    for (const Piece& piece : pieces_) {
        if (text::IsDigit(piece.expansion))
            most = std::max(most, static_cast<unsigned>(piece.expansion - '0'));
    }
    return most;
}

std::string Template::Marks(Dialect dialect) const {
    std::string text;
    for (const Piece& piece : pieces_) text += piece.expansion == 0 ? piece.literal : "x";
    const std::string of_text = SqlMarks(text, dialect);
    std::string marks;
    std::size_t begin = 0;
    for (const Piece& piece : pieces_) {
        marks += of_text[begin];
        begin += piece.expansion == 0 ? piece.literal.size() : 1;
    }
    return marks;
}

AddressParts::AddressParts(std::string_view address) : whole(address), user(address) {
    const std::size_t at = address.rfind('@');
    if (at == std::string_view::npos) return;
    user = address.substr(0, at);
    domain = address.substr(at + 1);
    has_empty_user = at == 0;
}

QueryTemplate::QueryTemplate(std::string_view query, std::string_view result_format)
    : query_(ParseParameter("query", query)),
      result_(ParseParameter("result_format", result_format)),
      labels_(std::max(query_.MostLabels(), result_.MostLabels())),
      needs_key_user_(query_.Uses("uU") || result_.Uses("U")),
      needs_key_domain_(query_.Uses("dD") || result_.Uses("D")),
      prepared_(Prepare(query_)) {}

bool QueryTemplate::IsSearchable(std::string_view key) const {
    const AddressParts parts(key);
    if (key.empty()) return false;
    if (needs_key_domain_ && parts.domain.empty()) return false;
    if (needs_key_user_ && parts.has_empty_user) return false;
    return labels_ == 0 || Labels(parts.domain).size() >= labels_;
}

std::string_view QueryTemplate::Expansion(char expansion, const AddressParts& parts) {
    switch (expansion) {
        case 's':
        case 'S':
            return parts.whole;
        case 'u':
        case 'U':
            return parts.user;
        case 'd':
        case 'D':
            return parts.domain;
        default:
            const std::vector<std::string_view> labels = Labels(parts.domain);
            return labels[labels.size() - static_cast<unsigned>(expansion - '0')];
    }
}

std::vector<std::string> QueryTemplate::Parameters(std::string_view key) const {
    const AddressParts parts(key);
    std::vector<std::string> values;
    for (const char expansion : prepared_->parameters)
        values.emplace_back(Expansion(expansion, parts));
    return values;
}

std::optional<std::string> QueryTemplate::Result(std::string_view value,
                                                 std::string_view key) const {
    const AddressParts value_parts(value);
    const AddressParts key_parts(key);
    if (result_.Uses("d") && value_parts.domain.empty()) return std::nullopt;
    if (result_.Uses("u") && value_parts.has_empty_user) return std::nullopt;
    std::string result;
    for (const Template::Piece& piece : result_.Pieces()) {
        const bool of_value = piece.expansion >= 'a';
        result += piece.expansion == 0
                      ? std::string_view(piece.literal)
                      : Expansion(piece.expansion, of_value ? value_parts : key_parts);
    }
    return result;
}

}  // namespace policyd::tables
