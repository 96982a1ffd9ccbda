#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace policyd::scanner {

/// Why something is not measured that an administrator would expect to be.
struct Obstacle {
    enum class Kind {
        kUnreadable,
        kMisplacedMaildir,  ///< where no mailbox has one by the layout
        kStrayMaildir,      ///< in a mailbox, but no folder of it by Maildir++
        kSymbolicLink,      ///< in the place of a domain, a mailbox or a part of one
    };

    std::string path;
    Kind kind = Kind::kUnreadable;
    int error = 0;  ///< what the system said of an unreadable place
};

/// Tells of obstacles in the log: of so many in each scan, and once of a Maildir that is
/// misplaced or a symbolic link, which nothing remembers. Owned by one thread.
class ObstacleLog {
public:
    /// `layout` is as configured, for the log.
    explicit ObstacleLog(std::string layout) : layout_(std::move(layout)) {}

    /// A scan begins.
    void Begin() { told_ = 0; }
    void Tell(const std::vector<Obstacle>& obstacles);

private:
    bool IsOld(const Obstacle& obstacle);
    void Tell(const Obstacle& obstacle) const;

    const std::string layout_;
    std::set<std::string> told_of_;  // paths
    std::uint64_t told_ = 0;
};

}  // namespace policyd::scanner
