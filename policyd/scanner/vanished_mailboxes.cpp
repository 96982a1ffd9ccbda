#include "policyd/scanner/vanished_mailboxes.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "common/log/logging.hpp"
#include "common/text/utf8.hpp"
#include "policyd/scanner/vanished.hpp"

namespace policyd::scanner {

namespace {

/// Whether it is fsck's, and no mailbox (any more): nothing is there that a delivery makes.
bool IsLostAndFound(const StoreFiles& files, const std::string& path) {
    return std::string_view(path).substr(path.rfind('/') + 1) == kLostAndFound &&
           files.Look((path + "/new").c_str()).sight == Sight::kAbsent &&
           files.Look((path + "/cur").c_str()).sight == Sight::kAbsent;
}

}  // namespace

bool VanishedMailboxes::IsGone(const std::string& path) const {
    const auto place = state_.places.find(path);
    if (place != state_.places.end())
        return !place->second->is_mailbox && !place->second->unreadable;
    // To look at it would follow a symbolic link that has taken the place of a directory above.
    return IsPartOfMaildirAbove(state_.places, path) ||
           files_->Open(path.c_str()).sight == Sight::kAbsent || IsLostAndFound(*files_, path);
}

bool VanishedMailboxes::HasGone(const std::string& path, const DirectoryStamp& measured) const {
    if (IsGone(path)) return true;
    const SeenDirectory now = files_->Look(path.c_str());
    return now.sight == Sight::kThere &&
           (now.stamp.inode != measured.inode || now.stamp.device != measured.device);
}

/// The place on which a file system was mounted that the mailbox was on, and is no more.
const std::string* VanishedMailboxes::MissingDiskAbove(const std::string& path) const {
    for (std::size_t end = 0; end != path.npos;) {
        end = path.find('/', end + 1);
        const auto above = state_.places.find(path.substr(0, end));
        if (above == state_.places.end()) return nullptr;
        const auto& [name, place] = *above;
        // It may have gone since all places were looked at.
        const bool has_gone =
            place->is_mounted && files_->Look(name.c_str()).stamp.device != place->stamp.device;
        if (place->misses_disk || has_gone) return &name;
    }
    return nullptr;
}

bool VanishedMailboxes::HasAnyBelow(const std::string& place) const {
    const auto below = paths_.lower_bound(place + '/');
    return paths_.contains(place) || (below != paths_.end() && below->starts_with(place + '/'));
}

/// Those of which everything is there without them, or whose mailboxes are meant to be gone. Mail
/// that is delivered beneath a mount point says nothing of the mailboxes of others.
void VanishedMailboxes::ForgetDisks() {
    for (auto& [name, place] : state_.places) {
        if (!place->misses_disk) continue;
        if (!options_.accept_removals && (place->unreadable || HasAnyBelow(name))) continue;
        auto without = std::make_shared<Place>(*place);
        without->misses_disk = false;
        place = std::move(without);
        state_.has_changed = true;
    }
}

void VanishedMailboxes::Raise(const std::string& why, std::uint64_t withheld) {
    tally_.sweep.withheld = withheld;
    is_alarmed_ = true;
    // A sweep that new mailboxes call for has nothing new to tell of those that are gone.
    if (std::exchange(withheld_told_, withheld) == withheld) return;
    log::Error(
        "alarm: {}: is the disk mounted? They are not removed from the usage store; if they are "
        "meant to be gone, run policyd-scan --once --accept-removals while no other policyd-scan "
        "runs",
        why);
}

void VanishedMailboxes::CallOff() {
    withheld_told_ = tally_.sweep.withheld = 0;
    if (std::exchange(is_alarmed_, false))
        log::Warning("alarm: over: no more mailboxes are gone than are believed to be");
}

async::Task<> VanishedMailboxes::Remove(std::set<std::string> only_in_store, bool knows_store) {
    std::set<std::string> addresses = std::move(only_in_store);
    Vanishing vanishing;
    vanishing.known = state_.mailboxes.size() + addresses.size();
    std::vector<std::string> gone;
    std::uint64_t on_missing_disks = 0;
    std::string missing_disk;
    for (const std::string& path : paths_) {
        if (!IsGone(path)) continue;
        const std::string* const place = MissingDiskAbove(path);
        if (place != nullptr && !options_.accept_removals) {
            ++on_missing_disks;
            missing_disk = *place;
            continue;
        }
        gone.push_back(path);
        if (const auto address = layout_.AddressOf(path)) addresses.insert(*address);
    }
    const auto root = state_.places.find("");
    const std::uint32_t device = root == state_.places.end() ? 0 : root->second->stamp.device;
    vanishing.vanished = std::max(addresses.size(), gone.size());
    root_is_empty_ = root == state_.places.end() || root->second->children.empty();
    vanishing.root_is_empty = root_is_empty_;
    vanishing.other_device = state_.root_device != 0 && device != state_.root_device;
    const auto why = options_.accept_removals
                         ? std::nullopt
                         : WhyNotRemoved(vanishing, options_.most_vanished_percent);
    if (why) {
        state_.knows_store = false;
        Raise(*why, vanishing.vanished + on_missing_disks);
        co_return;
    }
    if (on_missing_disks > 0) {
        Raise(fmt::format("{} mailboxes are gone where another file system was mounted, on \"{}\"",
                          on_missing_disks, text::EscapedForLog(missing_disk)),
              on_missing_disks);
    } else {
        CallOff();
    }
    ForgetDisks();
    if (device != 0) state_.root_device = device;
    if (addresses.empty() && gone.empty()) {
        if (std::exchange(state_.knows_store, knows_store) != knows_store)
            state_.has_changed = true;
        co_return;
    }
    // Forgotten first, so that nothing commits them any more.
    for (const std::string& path : gone) {
        state_.mailboxes.erase(path);
        paths_.erase(path);
    }
    state_.has_changed = true;
    state_.knows_store = false;
    // Nor does anything that is on its way.
    co_await publisher_.FinishBatch();
    std::vector<std::string> names(addresses.begin(), addresses.end());
    const std::size_t refused = co_await publisher_.Remove(std::move(names));
    state_.knows_store = knows_store;
    tally_.sweep.removed += addresses.size() - refused;
    tally_.all.removed += addresses.size() - refused;
}

}  // namespace policyd::scanner
