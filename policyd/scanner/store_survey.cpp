#include "policyd/scanner/store_survey.hpp"

#include <dirent.h>

#include <algorithm>
#include <iterator>
#include <set>

#include "common/mail/maildir_entry.hpp"

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

/// Bytes of a directory that is not read only to see whether messages are in it.
constexpr std::uint64_t kMoreThanFolders = 64 << 10;

/// Directories that are looked at in each place for a Maildir that belongs elsewhere.
constexpr std::size_t kMostMisplaced = 8;

/// What file systems and administrators keep at the top of a mail store.
bool IsNoDomain(std::string_view name) {
    return name.front() == '.' || name == kLostAndFound;
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
    using Parts = std::set<std::string_view>;

    void Visit(const std::string& path, std::size_t depth);
    std::shared_ptr<const Place> Examine(const std::string& path, std::size_t depth,
                                         const Place* known);
    int ReadChildren(const OpenedDirectory& directory, const std::string& path, std::size_t depth,
                     const Place* known, Place& place);
    void TellOfMisplaced(const std::string& path, const std::vector<std::string>& no_mailboxes);
    Parts PartsThatAreMailboxes(const std::string& path, std::size_t depth, const Place* known);
    bool HavePartsChanged(const std::string& path, std::size_t depth, const Place& known);
    bool IsMaildir(const std::string& path, bool was_before);
    bool HoldsMail(const std::string& path);
    bool HoldsMessages(const std::string& maildir, bool did_before);
    bool IsMounted(const std::string& path, const DirectoryStamp& stamp) const;
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
    if (!believed || !(files_.Look(PathOf(path)).stamp == place->stamp) ||
        HavePartsChanged(path, depth, *place))
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

/// The `new` of a domain, which may be its catch-all mailbox's, is the mailbox of its user `new` as
/// well, or instead, if it is a Maildir itself. That is asked by names: messages may be in it, any
/// number of them.
Surveyor::Parts Surveyor::PartsThatAreMailboxes(const std::string& path, std::size_t depth,
                                                const Place* known) {
    Parts mailboxes;
    if (!HoldsMailboxes(depth)) return mailboxes;
    for (const std::string_view part : kPartsOfMaildir) {
        const std::string child = Join(path, part);
        const bool was_mailbox = known != nullptr && known->Has(part);
        if (layout_.AddressOf(child) && IsMaildir(child, was_mailbox)) mailboxes.insert(part);
    }
    return mailboxes;
}

/// A Maildir in the place of mailboxes, or that is that place itself, which the layout gives no
/// address: nothing else would tell that it is not measured. One is enough.
void Surveyor::TellOfMisplaced(const std::string& path,
                               const std::vector<std::string>& no_mailboxes) {
    const auto is_one = [&](const char* name) {
        return std::find(no_mailboxes.begin(), no_mailboxes.end(), name) != no_mailboxes.end();
    };
    const auto tell = [this](const std::string& maildir) {
        survey_.obstacles.push_back({maildir, Obstacle::Kind::kMisplacedMaildir});
    };
    if (is_one("new") && is_one("cur")) return tell(PathOf(path));
    for (std::size_t i = 0; i < std::min(no_mailboxes.size(), kMostMisplaced); ++i)
        if (IsMaildir(Join(path, no_mailboxes[i]), false)) return tell(Join(path, no_mailboxes[i]));
}

/// They change without a trace in the directory that they are in.
bool Surveyor::HavePartsChanged(const std::string& path, std::size_t depth, const Place& known) {
    if (!known.LooksLikeMaildir() || !layout_.AddressOf(path)) return false;
    const Parts mailboxes = PartsThatAreMailboxes(path, depth, &known);
    const auto is_as_known = [&](const char* part) {
        return mailboxes.contains(part) == known.Has(part);
    };
    if (!std::all_of(std::begin(kPartsOfMaildir), std::end(kPartsOfMaildir), is_as_known))
        return true;
    return !known.is_mailbox && HoldsMessages(path, false);
}

bool Surveyor::IsMaildir(const std::string& path, bool was_before) {
    for (const char* part : kPartsOfMaildir) {
        ++survey_.work.directories_looked_at;
        const Sight sight = files_.Look(Join(path, part).c_str()).sight;
        if (sight == Sight::kUnreadable) return was_before;
        if (sight == Sight::kAbsent) return false;
    }
    return true;
}

/// Whether anything is there that a delivery makes.
bool Surveyor::HoldsMail(const std::string& path) {
    survey_.work.directories_looked_at += 2;
    return files_.Look(Join(path, "new").c_str()).sight == Sight::kThere ||
           files_.Look(Join(path, "cur").c_str()).sight == Sight::kThere;
}

/// The names of messages begin with the second in which they came; what mail programs keep in a
/// mailbox's directory, such as "dovecot-uidlist", does not begin with a digit.
bool Surveyor::HoldsMessages(const std::string& maildir, bool did_before) {
    for (const char* part : {"new", "cur"}) {
        ++survey_.work.directories_looked_at;
        const OpenedDirectory directory = files_.Open(Join(maildir, part).c_str());
        if (directory.sight == Sight::kUnreadable) return did_before;
        if (directory.sight == Sight::kAbsent) continue;
        if (directory.size > kMoreThanFolders) return true;
        ++survey_.work.directories_read;
        bool holds_one = false;
        reader_.ForEach(directory, [&holds_one](const char* name, unsigned char type) {
            holds_one |= type != DT_DIR && *name >= '0' && *name <= '9';
        });
        if (holds_one) return true;
    }
    return false;
}

/// The directory that it is in has been visited before.
bool Surveyor::IsMounted(const std::string& path, const DirectoryStamp& stamp) const {
    if (path.empty()) return false;
    const std::size_t slash = path.rfind('/');
    const auto above = survey_.places.find(slash == path.npos ? "" : path.substr(0, slash));
    return above != survey_.places.end() && above->second->stamp.device != stamp.device;
}

/// Null if there is no such directory, or one of which nothing was ever known.
std::shared_ptr<const Place> Surveyor::Examine(const std::string& path, std::size_t depth,
                                               const Place* known) {
    const FileTime now = clock_();
    const OpenedDirectory directory = files_.Open(PathOf(path));
    if (directory.sight == Sight::kAbsent) return nullptr;
    auto place = std::make_shared<Place>();
    int error = directory.error;
    if (directory.sight == Sight::kThere)
        error = ReadChildren(directory, path, depth, known, *place);
    if (directory.sight == Sight::kThere && error == 0) {
        place->stamp = directory.stamp;
        place->racy |= IsTooYoung(directory.stamp.ctime, now);
        place->is_mounted = IsMounted(path, directory.stamp);
        place->misses_disk =
            known != nullptr && (known->is_mounted || known->misses_disk) && !place->is_mounted;
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
                           std::size_t depth, const Place* known, Place& place) {
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
    const bool has_parts =
        std::all_of(std::begin(kPartsOfMaildir), std::end(kPartsOfMaildir), has) &&
        layout_.AddressOf(path).has_value();
    Parts mailboxes;
    if (has_parts) mailboxes = PartsThatAreMailboxes(path, depth, known);
    // Where all three are users' mailboxes, nothing else shows that it is one itself.
    place.is_mailbox = has_parts && (mailboxes.size() < std::size(kPartsOfMaildir) ||
                                     std::any_of(names.begin(), names.end(), mail::IsFolderName) ||
                                     HoldsMessages(path, known == nullptr || known->is_mailbox));
    const auto is_expected = [&](const std::string& name) {
        if (place.is_mailbox && IsPartOfMaildir(name)) return mailboxes.contains(name);
        if (name == kLostAndFound && !(HoldsMailboxes(depth) && HoldsMail(Join(path, name))))
            return false;
        const std::string child = Join(path, name);
        return HoldsMailboxes(depth) ? layout_.AddressOf(child).has_value()
                                     : layout_.MayLeadToMailboxes(child);
    };
    std::vector<std::string> no_mailboxes;
    for (const std::string& name : names) {
        if (is_expected(name)) {
            place.children.append(name).push_back('\0');
        } else if (!place.is_mailbox) {
            no_mailboxes.push_back(name);
        }
    }
    if (!no_mailboxes.empty()) TellOfMisplaced(path, no_mailboxes);
    for (const std::string& name : links)
        if (is_expected(name) && files_.LeadsToDirectory(directory.directory, name.c_str()))
            place.links.append(name).push_back('\0');
    return 0;
}

}  // namespace

Survey SurveyStore(const StoreFiles& files, const mail::MailboxLayout& layout,
                   const Places& previous, Thoroughness thoroughness, FileClock clock) {
    return Surveyor(files, layout, previous, thoroughness, clock).Run();
}

}  // namespace policyd::scanner
