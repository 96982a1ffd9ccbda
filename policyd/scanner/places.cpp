#include "policyd/scanner/places.hpp"

#include <algorithm>
#include <iterator>

namespace policyd::scanner {

namespace {

bool IsNamedAsPart(std::string_view name) {
    return std::find(std::begin(kPartsOfMaildir), std::end(kPartsOfMaildir), name) !=
           std::end(kPartsOfMaildir);
}

/// Whether a path below a Maildir leads into one that lies in its `new`, `cur` or `tmp`, as a user
/// so named has it: "new/cur", "tmp/.Sent/new".
bool LeadsIntoPart(std::string_view path) {
    const std::size_t slash = path.find('/');
    return slash != path.npos && IsNamedAsPart(path.substr(0, slash)) &&
           IsPartOfMaildir(path.substr(slash + 1));
}

/// The directory above that is, or looks like, a Maildir, where this is the mailbox of a user who
/// is named as a part of that. Both may come and go by what happens in it. Null if it is none.
const Place* PlaceWithMailboxAsPart(const Places& places, const std::string& path) {
    const std::size_t slash = path.rfind('/');
    if (slash == path.npos) return nullptr;
    const std::string_view name = std::string_view(path).substr(slash + 1);
    if (!IsNamedAsPart(name)) return nullptr;
    const auto above = places.find(path.substr(0, slash));
    if (above == places.end()) return nullptr;
    const Place& place = *above->second;
    return place.LooksLikeMaildir() && place.Has(name) ? &place : nullptr;
}

}  // namespace

bool Place::Has(std::string_view child) const {
    std::string ended(child);
    ended.push_back('\0');
    std::size_t at = children.find(ended);
    while (at != 0 && at != children.npos && children[at - 1] != '\0')
        at = children.find(ended, at + 1);
    return at != children.npos;
}

bool Place::LooksLikeMaildir() const {
    return is_mailbox || std::all_of(std::begin(kPartsOfMaildir), std::end(kPartsOfMaildir),
                                     [this](const char* part) { return Has(part); });
}

bool IsPartOfMaildir(std::string_view path) {
    const std::string_view name = path.substr(0, path.find('/'));
    return name.starts_with('.') || IsNamedAsPart(name);
}

bool IsPartOfMaildirAbove(const Places& places, const std::string& path) {
    const std::size_t slash = path.rfind('/');
    if (slash == path.npos) return false;
    const std::string_view name = std::string_view(path).substr(slash + 1);
    const auto above = places.find(path.substr(0, slash));
    return above != places.end() && above->second->is_mailbox && IsPartOfMaildir(name) &&
           !above->second->Has(name);
}

Whereabouts Locate(const Places& places, const mail::MailboxLayout& layout,
                   const std::string& directory) {
    Whereabouts where;
    const Place* const above = PlaceWithMailboxAsPart(places, directory);
    where.is_place = directory.empty() || places.contains(directory) || above != nullptr;
    where.makes_mailbox = above != nullptr && !above->is_mailbox;
    std::size_t depth = 0;
    for (std::size_t end = 0; end != std::string::npos && depth < layout.Depth();) {
        end = directory.find('/', end == 0 ? 0 : end + 1);
        const std::string path = directory.substr(0, end);
        const auto place = places.find(path);
        const bool is_catch_all = place != places.end() && place->second->is_mailbox;
        if (path.empty() || (++depth < layout.Depth() && !is_catch_all)) continue;
        // The deepest one: a domain's own Maildir may hold those of its users.
        if (is_catch_all || layout.AddressOf(path)) where.mailbox = path;
        if (!is_catch_all || end == std::string::npos) continue;
        const std::string_view within = std::string_view(directory).substr(end + 1);
        if (IsPartOfMaildir(within) && !LeadsIntoPart(within)) break;
    }
    return where;
}

}  // namespace policyd::scanner
