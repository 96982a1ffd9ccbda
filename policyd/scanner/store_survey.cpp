#include "policyd/scanner/store_survey.hpp"

#include <dirent.h>

#include <algorithm>
#include <set>

namespace policyd::scanner {

namespace {

std::string Join(const std::string& directory, std::string_view name) {
    if (directory.empty()) return std::string(name);
    std::string path;
    path.reserve(directory.size() + 1 + name.size());
    path.append(directory).append("/").append(name);
    return path;
}

/// Calls for each name in a list in which each is ended by a NUL.
template <typename Visit>
void ForEachName(const std::string& names, Visit visit) {
    for (const char* name = names.c_str(); *name != '\0';
         name += std::char_traits<char>::length(name) + 1)
        visit(std::string_view(name));
}

const char* PathOf(const std::string& place) {
    return place.empty() ? "." : place.c_str();
}

/// What file systems and administrators keep at the top of a mail store.
bool IsNoDomain(std::string_view name) {
    return name.front() == '.' || name == "lost+found";
}

class Surveyor {
public:
    Surveyor(const StoreFiles& files, const mail::MailboxLayout& layout, const Places& previous,
             Thoroughness thoroughness, FileClock clock)
        : files_(files),
          layout_(layout),
          previous_(previous),
          thoroughness_(thoroughness),
          clock_(clock) {}

    Survey Run() {
        Visit("", 0);
        return std::move(survey_);
    }

private:
    void Visit(const std::string& path, std::size_t depth);
    std::shared_ptr<const Place> Examine(const std::string& path, std::size_t depth,
                                         const Place* known);
    int ReadChildren(const OpenedDirectory& directory, const std::string& path, std::size_t depth,
                     Place& place);
    bool HoldsMailboxes(std::size_t depth) const { return depth + 1 >= layout_.Depth(); }

    const StoreFiles& files_;
    const mail::MailboxLayout& layout_;
    const Places& previous_;
    Thoroughness thoroughness_;
    FileClock clock_;
    EntryReader reader_;
    Survey survey_;
};

void Surveyor::Visit(const std::string& path, std::size_t depth) {
    const auto known = previous_.find(path);
    std::shared_ptr<const Place> place = known != previous_.end() ? known->second : nullptr;
    ++survey_.work.directories_looked_at;
    const bool believed = place != nullptr && !place->racy && !place->unreadable &&
                          thoroughness_ == Thoroughness::kWhatChanged &&
                          !IsTooYoung(place->stamp.ctime, clock_());
    if (!believed || !(files_.Look(PathOf(path)).stamp == place->stamp))
        place = Examine(path, depth, place.get());
    if (place == nullptr) return;

    survey_.places.emplace(path, place);
    if (place->is_mailbox) survey_.mailboxes.push_back(path);
    ForEachName(place->children, [&](std::string_view name) {
        std::string child = Join(path, name);
        if (HoldsMailboxes(depth)) {
            survey_.mailboxes.push_back(std::move(child));
        } else {
            Visit(child, depth + 1);
        }
    });
}

/// Null if there is no such directory, or one of which nothing was ever known.
std::shared_ptr<const Place> Surveyor::Examine(const std::string& path, std::size_t depth,
                                               const Place* known) {
    const FileTime now = clock_();
    const OpenedDirectory directory = files_.Open(PathOf(path));
    if (directory.sight == Sight::kAbsent) return nullptr;
    auto place = std::make_shared<Place>();
    int error = directory.error;
    if (directory.sight == Sight::kThere) error = ReadChildren(directory, path, depth, *place);
    if (directory.sight == Sight::kThere && error == 0) {
        place->stamp = directory.stamp;
        place->racy |= IsTooYoung(directory.stamp.ctime, now);
        std::set<std::string_view> told;
        if (known != nullptr)
            ForEachName(known->links, [&](std::string_view link) { told.insert(link); });
        ForEachName(place->links, [&](std::string_view link) {
            if (!told.contains(link))
                survey_.obstacles.push_back({Join(path, link), Obstacle::Kind::kSymbolicLink});
        });
        return place;
    }
    if (known == nullptr || !known->unreadable)
        survey_.obstacles.push_back(
            {path.empty() ? "." : path, Obstacle::Kind::kUnreadable, error});
    if (known != nullptr) *place = *known;
    place->unreadable = true;
    return place;
}

/// Returns an error number, or 0.
int Surveyor::ReadChildren(const OpenedDirectory& directory, const std::string& path,
                           std::size_t depth, Place& place) {
    ++survey_.work.directories_read;
    std::vector<std::string> names;
    std::vector<std::string> links;
    const auto visit = [&](const char* name, unsigned char type) {
        if (path.empty() && IsNoDomain(name)) return;
        if (type == DT_UNKNOWN) type = files_.LookAtFile(directory.directory, name).type;
        if (type == DT_DIR) names.emplace_back(name);
        if (type == DT_LNK) links.emplace_back(name);
    };
    for (int reading = 1;; ++reading) {
        if (reading > 1) EntryReader::Rewind(directory.directory);
        names.clear();
        links.clear();
        const EntryReader::Result result = reader_.ForEach(directory, visit);
        if (result.error != 0) return result.error;
        if (result.at_once) break;
        if (files_.LookAtOpen(directory.directory).stamp == directory.stamp) break;
        if (reading == kMostReadings) {
            place.racy = true;
            break;
        }
        reader_.Enlarge();
    }
    reader_.Shrink();
    std::sort(names.begin(), names.end());
    const auto has = [&names](const char* name) {
        return std::binary_search(names.begin(), names.end(), name);
    };
    place.is_mailbox =
        has("cur") && has("new") && has("tmp") && layout_.AddressOf(path).has_value();
    const auto is_expected = [&](const std::string& name) {
        if (place.is_mailbox && IsPartOfMaildir(name)) return false;
        return !HoldsMailboxes(depth) || layout_.AddressOf(Join(path, name)).has_value();
    };
    for (const std::string& name : names)
        if (is_expected(name)) place.children.append(name).push_back('\0');
    for (const std::string& name : links)
        if (is_expected(name)) place.links.append(name).push_back('\0');
    return 0;
}

}  // namespace

Survey SurveyStore(const StoreFiles& files, const mail::MailboxLayout& layout,
                   const Places& previous, Thoroughness thoroughness, FileClock clock) {
    return Surveyor(files, layout, previous, thoroughness, clock).Run();
}

}  // namespace policyd::scanner
