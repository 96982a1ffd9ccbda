#include "common/mail/mailbox_layout.hpp"

#include <algorithm>
#include <stdexcept>

#include "common/text/ascii.hpp"

namespace policyd::mail {

namespace {

constexpr std::size_t kMostThatMayBeEmpty = 6;

std::vector<std::string_view> SplitAtSlashes(std::string_view path) {
    std::vector<std::string_view> components;
    for (;;) {
        const std::size_t slash = path.find('/');
        components.push_back(path.substr(0, slash));
        if (slash == std::string_view::npos) return components;
        path.remove_prefix(slash + 1);
    }
}

bool CanNameADirectory(std::string_view name) {
    return name != "." && name != ".." && name.find('/') == std::string_view::npos &&
           name.find('\0') == std::string_view::npos;
}

[[noreturn]] void Malformed() {
    throw std::invalid_argument("a layout such as %d/%u, %d/%u/Maildir or %d/%1u/%u");
}

bool TakeCharacter(std::string_view& text, char c) {
    if (!text.starts_with(c)) return false;
    text.remove_prefix(1);
    return true;
}

/// Takes the number that `text` begins with; nothing if there is none.
std::optional<std::size_t> TakeNumber(std::string_view& text) {
    const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    const auto number = text::ParseUnsigned(text.substr(0, digits));
    if (number) text.remove_prefix(digits);
    return number;
}

/// What mail_location begins with, which would be a directory's name.
void RefuseDovecotsFormat(std::string_view pattern) {
    const std::string_view format = pattern.substr(0, pattern.find(':'));
    for (const std::string_view known :
         {"maildir", "mbox", "dbox", "sdbox", "mdbox", "imapc", "pop3c"})
        if (format == known && format.size() < pattern.size())
            throw std::invalid_argument(
                "a path below virtual_mailbox_base such as %d/%u, without the \"" +
                std::string(format) + ":\" of Dovecot");
}

/// By a zero in front of a width Dovecot pads what is shorter with zeros.
bool AsksForPadding(std::string_view width) {
    return width.size() > 1 && width[0] == '0' && width[1] >= '0' && width[1] <= '9';
}

}  // namespace

MailboxLayout::MailboxLayout(std::string_view pattern) : pattern_(pattern) {
    RefuseDovecotsFormat(pattern);
    bool has_user = false;
    bool has_domain = false;
    for (const std::string_view text : SplitAtSlashes(pattern)) {
        if (text.empty() || !CanNameADirectory(text)) Malformed();
        const Component component = ParseComponent(text);
        for (const Piece& piece : component) {
            has_user |= piece.IsWhole() && piece.kind == Kind::kUser;
            has_domain |= piece.IsWhole() && piece.kind == Kind::kDomain;
        }
        components_.push_back(component);
    }
    if (!has_user || !has_domain) Malformed();
    FindShapes();
}

void MailboxLayout::FindShapes() {
    // The local part may be empty or shorter than a hash would have it, and what a hash takes of
    // either may be a dot.
    std::vector<std::size_t> may_be_empty;
    for (std::size_t i = 0; i < components_.size(); ++i) {
        const bool may_be =
            std::all_of(components_[i].begin(), components_[i].end(), [](const Piece& piece) {
                return piece.kind == Kind::kUser ||
                       (piece.kind == Kind::kDomain && !piece.IsWhole());
            });
        if (may_be) may_be_empty.push_back(i);
    }
    if (may_be_empty.size() > kMostThatMayBeEmpty) Malformed();
    for (std::size_t empty = 0; empty < std::size_t{1} << may_be_empty.size(); ++empty) {
        std::vector<Component> shape;
        for (std::size_t i = 0, bit = 0; i < components_.size(); ++i) {
            const bool may_be = bit < may_be_empty.size() && may_be_empty[bit] == i;
            if (may_be && (empty >> bit++ & 1) != 0) continue;
            shape.push_back(components_[i]);
        }
        if (!shape.empty()) shapes_.push_back(std::move(shape));
    }
}

MailboxLayout::Component MailboxLayout::ParseComponent(std::string_view text) {
    Component component;
    const auto add_literal = [&component](char c) {
        if (component.empty() || component.back().kind != Kind::kLiteral) component.push_back({});
        component.back().literal += c;
    };
    while (!text.empty()) {
        const char c = text.front();
        text.remove_prefix(1);
        if (c != '%') {
            add_literal(c);
            continue;
        }
        if (text.starts_with('%')) {
            text.remove_prefix(1);
            add_literal('%');
            continue;
        }
        // Two variables side by side could not be told apart again.
        if (!component.empty() && component.back().IsWhole()) Malformed();
        component.push_back(ParseVariable(text));
    }
    CheckCanBeToldApart(component);
    return component;
}

/// A local part and a domain in one name can be told apart by an '@' alone, which no domain has.
void MailboxLayout::CheckCanBeToldApart(const Component& component) {
    Kind last = Kind::kLiteral;
    bool has_at = false;
    for (const Piece& piece : component) {
        if (piece.kind == Kind::kLiteral) has_at |= piece.literal.find('@') != std::string::npos;
        if (!piece.IsWhole()) continue;
        if (last != Kind::kLiteral && (last == piece.kind || !has_at))
            throw std::invalid_argument(
                "%u and %d once each in one directory's name, with an @ between them as in %u@%d: "
                "otherwise they cannot be told apart");
        last = piece.kind;
        has_at = false;
    }
}

/// Takes what follows a percent sign: "u", "1.1n", "-2.2Ld".
MailboxLayout::Piece MailboxLayout::ParseVariable(std::string_view& text) {
    Piece piece;
    piece.from_end = TakeCharacter(text, '-');
    bool is_padded = AsksForPadding(text);
    if (const auto number = TakeNumber(text)) {
        piece.width = *number;
        if (TakeCharacter(text, '.')) {
            is_padded = AsksForPadding(text);
            const auto width = TakeNumber(text);
            if (!width) Malformed();
            piece.skip = *number;
            piece.width = *width;
        } else if (piece.from_end) {
            Malformed();
        }
        if (piece.width == 0) Malformed();
        if (is_padded)
            throw std::invalid_argument(
                "widths without a zero in front, by which Dovecot pads: %2n, not %02n");
    } else if (piece.from_end) {
        Malformed();
    }
    piece.lower = TakeCharacter(text, 'L');
    if (TakeCharacter(text, 'd')) {
        piece.kind = Kind::kDomain;
    } else if (TakeCharacter(text, 'u') || TakeCharacter(text, 'n')) {
        piece.kind = Kind::kUser;
    } else {
        Malformed();
    }
    return piece;
}

std::string MailboxLayout::ValueOf(const Piece& piece, std::string_view user,
                                   std::string_view domain) {
    if (piece.kind == Kind::kLiteral) return piece.literal;
    const std::string_view whole = piece.kind == Kind::kUser ? user : domain;
    const std::size_t most = std::min(piece.skip, whole.size());
    const std::string_view part =
        whole.substr(piece.from_end ? whole.size() - most : most, piece.width);
    return piece.lower ? text::ToLower(part) : std::string(part);
}

std::string MailboxLayout::Render(const Component& component, std::string_view user,
                                  std::string_view domain) {
    std::string name;
    for (const Piece& piece : component) name += ValueOf(piece, user, domain);
    return name;
}

std::optional<std::string> MailboxLayout::DirectoryOf(std::string_view address) const {
    const std::size_t at = address.rfind('@');
    if (at == std::string_view::npos || at + 1 == address.size()) return std::nullopt;
    const std::string_view user = address.substr(0, at);
    const std::string_view domain = address.substr(at + 1);

    std::string directory;
    for (const Component& component : components_) {
        const std::string name = Render(component, user, domain);
        const bool is_whole = std::any_of(component.begin(), component.end(),
                                          [](const Piece& piece) { return piece.IsWhole(); });
        // A letter of a hash that is a dot leads to where it is already.
        if (name.empty() || (name == "." && !is_whole)) continue;
        if (!CanNameADirectory(name)) return std::nullopt;
        if (!directory.empty()) directory += '/';
        directory += name;
    }
    return directory;
}

/// Reads the parts of the address that stand in full off the names, from one piece of a component
/// on; `rest` is what is left of its name. A hash takes less than its width of what is shorter, so
/// each length is tried until one gives an address.
std::optional<std::string> MailboxLayout::ReadOn(const Reading& reading, std::size_t component,
                                                 std::size_t piece, std::string_view rest,
                                                 Parts parts) const {
    const Component& pieces = reading.components[component];
    if (piece == pieces.size()) {
        if (!rest.empty()) return std::nullopt;
        if (++component == reading.components.size()) return AddressIf(parts, reading.directory);
        return ReadOn(reading, component, 0, reading.names[component], parts);
    }
    const Piece& next = pieces[piece];
    const bool is_last = piece + 1 == pieces.size();
    const auto behind = [&](std::size_t length) {
        return ReadOn(reading, component, piece + 1, rest.substr(length), parts);
    };
    if (next.kind == Kind::kLiteral)
        return rest.starts_with(next.literal) ? behind(next.literal.size()) : std::nullopt;
    if (next.IsWhole()) {
        // What follows is a literal or the end. Domains hold no '@': the last one parts what is
        // before it from the domain, the first one the domain from what is behind it.
        std::string_view literal;
        if (!is_last) literal = pieces[piece + 1].literal;
        const bool parts_behind =
            next.kind == Kind::kDomain && literal.find('@') != std::string_view::npos;
        const std::size_t length = is_last        ? rest.size()
                                   : parts_behind ? rest.find(literal)
                                                  : rest.rfind(literal);
        if (length == std::string_view::npos) return std::nullopt;
        auto& part = next.kind == Kind::kUser ? parts.user : parts.domain;
        if (!part) part = rest.substr(0, length);
        return behind(length);
    }
    const std::size_t most = std::min(next.width, rest.size());
    if (is_last) return behind(most);
    for (std::size_t length = most + 1; length-- > 0;)
        if (auto address = behind(length)) return address;
    return std::nullopt;
}

std::optional<std::string> MailboxLayout::AddressIf(const Parts& parts,
                                                    std::string_view directory) const {
    if (!parts.domain || parts.domain->find('@') != std::string_view::npos) return std::nullopt;
    std::string address(parts.user.value_or(""));
    address += '@';
    address += *parts.domain;
    if (DirectoryOf(address) != directory) return std::nullopt;
    return address;
}

std::optional<std::string> MailboxLayout::AddressOf(std::string_view directory) const {
    const std::vector<std::string_view> names = SplitAtSlashes(directory);
    for (const std::vector<Component>& shape : shapes_) {
        if (shape.size() != names.size()) continue;
        if (auto address = ReadOn({directory, shape, names}, 0, 0, names.front(), {}))
            return address;
    }
    return std::nullopt;
}

bool MailboxLayout::MayLeadToMailboxes(std::string_view directory) const {
    const std::vector<std::string_view> names = SplitAtSlashes(directory);
    const auto fits = [](std::string_view name, const Component& component) {
        const bool is_literal = component.size() == 1 && component[0].kind == Kind::kLiteral;
        return !is_literal || name == component[0].literal;
    };
    return std::any_of(shapes_.begin(), shapes_.end(), [&](const std::vector<Component>& shape) {
        return shape.size() > names.size() &&
               std::equal(names.begin(), names.end(), shape.begin(), fits);
    });
}

std::optional<std::string> DirectoryWithinBase(std::string_view path) {
    std::vector<std::string_view> kept;
    for (const std::string_view name : SplitAtSlashes(path)) {
        if (name.empty() || name == ".") continue;
        if (name != "..") {
            kept.push_back(name);
            continue;
        }
        if (kept.empty()) return std::nullopt;
        kept.pop_back();
    }
    std::string directory;
    for (const std::string_view name : kept) {
        if (!directory.empty()) directory += '/';
        directory += name;
    }
    return directory;
}

}  // namespace policyd::mail
