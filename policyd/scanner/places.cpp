#include "policyd/scanner/places.hpp"

namespace policyd::scanner {

bool IsPartOfMaildir(std::string_view path) {
    const std::string_view name = path.substr(0, path.find('/'));
    return name.starts_with('.') || name == "cur" || name == "new" || name == "tmp";
}

bool IsPartOfMaildirAbove(const Places& places, const std::string& path) {
    const std::size_t slash = path.rfind('/');
    if (slash == path.npos) return false;
    const auto above = places.find(path.substr(0, slash));
    return above != places.end() && above->second->is_mailbox &&
           IsPartOfMaildir(std::string_view(path).substr(slash + 1));
}

Whereabouts Locate(const Places& places, const mail::MailboxLayout& layout,
                   const std::string& directory) {
    Whereabouts where;
    where.is_place = directory.empty() || places.contains(directory);
    std::size_t depth = 0;
    for (std::size_t end = 0; end != std::string::npos && depth < layout.Depth();) {
        end = directory.find('/', end == 0 ? 0 : end + 1);
        const std::string path = directory.substr(0, end);
        const auto place = places.find(path);
        const bool is_catch_all = place != places.end() && place->second->is_mailbox;
        if (path.empty() || (++depth < layout.Depth() && !is_catch_all)) continue;
        // The deepest one: a domain's own Maildir may hold those of its users.
        if (is_catch_all || layout.AddressOf(path)) where.mailbox = path;
        if (is_catch_all && end != std::string::npos &&
            IsPartOfMaildir(std::string_view(directory).substr(end + 1)))
            break;
    }
    return where;
}

}  // namespace policyd::scanner
