#include "policyd/scanner/obstacle.hpp"

#include <cstring>

#include "common/log/logging.hpp"
#include "common/text/utf8.hpp"

namespace policyd::scanner {

namespace {

constexpr std::uint64_t kMostTold = 20;
constexpr std::size_t kMostRemembered = 10'000;

}  // namespace

void ObstacleLog::Tell(const std::vector<Obstacle>& obstacles) {
    for (const Obstacle& obstacle : obstacles) {
        if (told_ >= kMostTold) return;
        if (IsOld(obstacle)) continue;
        Tell(obstacle);
        if (++told_ == kMostTold)
            log::Warning("further places that are not measured are not listed");
    }
}

bool ObstacleLog::IsOld(const Obstacle& obstacle) {
    if (obstacle.kind == Obstacle::Kind::kUnreadable) return false;
    if (told_of_.size() >= kMostRemembered) told_of_.clear();
    return !told_of_.insert(obstacle.path).second;
}

void ObstacleLog::Tell(const Obstacle& obstacle) const {
    const std::string path = '"' + text::EscapedForLog(obstacle.path) + '"';
    switch (obstacle.kind) {
        case Obstacle::Kind::kUnreadable:
            log::Warning("unreadable: {}: {}", path, std::strerror(obstacle.error));
            break;
        case Obstacle::Kind::kMisplacedMaildir:
            log::Warning("{} is a Maildir where none belongs by mailbox_layout = {}: not measured",
                         path, layout_);
            break;
        case Obstacle::Kind::kStrayMaildir:
            log::Warning(
                "{} is a Maildir, but no folder of its mailbox by Maildir++, whose folders are "
                "named .Name: not counted",
                path);
            break;
        case Obstacle::Kind::kSymbolicLink:
            log::Warning("{} is a symbolic link: not followed, what is behind it not measured",
                         path);
            break;
    }
}

}  // namespace policyd::scanner
