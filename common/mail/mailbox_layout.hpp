#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace policyd::mail {

/// Where below virtual_mailbox_base the Maildir of an address is: the option mailbox_layout.
///
/// A pattern of components separated by '/', in which %u is the local part of the address and %d
/// its domain; %Nu and %Nd are the first N bytes of these, %M.Nu the N bytes after the first M,
/// %-M.Nu those from the Mth before the end (all as in Dovecot), for hashed layouts; %Lu and %Ld
/// are in lower case; %n is another name for %u, %% a percent sign. Examples: `%d/%u`,
/// `%d/%u/Maildir`, `%d/%1u/%u`, `%Ld/%1Ln/%Ln`, `%u@%d`.
///
/// Bytes are compared and copied as they are: no case folding but by L, no quoting. A component
/// that is empty for an address is left out, so that the Maildir of the catch-all mailbox
/// `@example.com` is the domain's own directory under `%d/%u`.
class MailboxLayout {
public:
    /// Throws std::invalid_argument, saying what was expected, for a pattern that is malformed or
    /// from which the address could not be told again: %u and %d must both be there in full, with
    /// an @ between them where they are in one component.
    explicit MailboxLayout(std::string_view pattern);

    /// The directory of a mailbox, relative to the base, without a slash at either end. Nothing for
    /// what is no address, or where a part of it cannot be a directory's name (it holds a slash or
    /// a NUL byte, or would make the component "." or "..").
    std::optional<std::string> DirectoryOf(std::string_view address) const;

    /// The address whose directory this is, which then DirectoryOf() maps back to it; nothing where
    /// there is none. Where the layout has L, that is the address in lower case. `directory` is
    /// relative to the base, without slashes at its ends and without empty, "." or ".." components.
    std::optional<std::string> AddressOf(std::string_view directory) const;

    /// Whether directories of mailboxes may lie below this one, as far as the pattern's components
    /// without a percent sign tell: below `vmail1` of `vmail1/%d/%u`, and not below `backup`.
    bool MayLeadToMailboxes(std::string_view directory) const;

    /// How many components a directory has at most.
    std::size_t Depth() const noexcept { return components_.size(); }
    const std::string& Pattern() const noexcept { return pattern_; }

private:
    enum class Kind { kLiteral, kUser, kDomain };
    struct Piece {
        Kind kind = Kind::kLiteral;
        std::string literal;
        std::size_t skip = 0;
        bool from_end = false;  ///< `skip` counts from there
        std::size_t width = std::string::npos;
        bool lower = false;

        bool IsWhole() const { return kind != Kind::kLiteral && width == std::string::npos; }
    };
    using Component = std::vector<Piece>;
    struct Parts {
        std::optional<std::string_view> user;
        std::optional<std::string_view> domain;
    };
    /// A directory that is read by one of the shapes.
    struct Reading {
        std::string_view directory;
        const std::vector<Component>& components;
        const std::vector<std::string_view>& names;  ///< as many
    };

    static Component ParseComponent(std::string_view text);
    static void CheckCanBeToldApart(const Component& component);
    static Piece ParseVariable(std::string_view& text);
    static std::string ValueOf(const Piece& piece, std::string_view user, std::string_view domain);
    void FindShapes();
    static std::string Render(const Component& component, std::string_view user,
                              std::string_view domain);
    std::optional<std::string> ReadOn(const Reading& reading, std::size_t component,
                                      std::size_t piece, std::string_view rest, Parts parts) const;
    std::optional<std::string> AddressIf(const Parts& parts, std::string_view directory) const;

    std::string pattern_;
    std::vector<Component> components_;
    /// What addresses leave over that make some of the components empty; all of them first.
    std::vector<std::vector<Component>> shapes_;
};

/// `path` as a table gives it, relative to the base whatever it begins with, as the directory that
/// it leads to: without empty, "." and ".." components. Nothing for one that leads outside.
std::optional<std::string> DirectoryWithinBase(std::string_view path);

}  // namespace policyd::mail
