#include "policyd/scanner/obstacle.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "common/log/logging.hpp"
#include "tests/support/process.hpp"
#include "tests/support/scratch_directory.hpp"

namespace policyd::scanner {
namespace {

/// What is logged of these obstacles, which several scans meet.
std::string Logged(const std::vector<Obstacle>& obstacles, int scans) {
    const test::ScratchDirectory scratch;
    const auto path = scratch / "log";
    log::Configure("policyd", {.destination = "file:" + path.string(), .level = "warning"});
    ObstacleLog told("%d/%u");
    for (int scan = 0; scan < scans; ++scan) {
        told.Begin();
        told.Tell(obstacles);
    }
    log::Shutdown();
    return test::ReadFile(path);
}

std::size_t LinesOf(const std::vector<Obstacle>& obstacles, int scans) {
    const std::string written = Logged(obstacles, scans);
    return static_cast<std::size_t>(std::count(written.begin(), written.end(), '\n'));
}

TEST(ObstacleLogTest, TellsOnceOfAMaildirWhereNoneBelongs) {
    const Obstacle misplaced{"a.test/u/Maildir", Obstacle::Kind::kMisplacedMaildir};
    EXPECT_EQ(LinesOf({misplaced, misplaced}, 3), 1u);
}

TEST(ObstacleLogTest, TellsAgainOfWhatIsReportedAgain) {
    EXPECT_EQ(LinesOf({{"a.test/u", Obstacle::Kind::kUnreadable, 13}}, 3), 3u);
}

TEST(ObstacleLogTest, TellsOfSoManyInEachScan) {
    std::vector<Obstacle> obstacles;
    for (int i = 0; i < 50; ++i)
        obstacles.push_back({std::to_string(i), Obstacle::Kind::kSymbolicLink});
    EXPECT_EQ(LinesOf(obstacles, 2), 2u * (20 + 1));
    EXPECT_EQ(Logged(obstacles, 1).find("unreadable"), std::string::npos) << "links are not";
}

}  // namespace
}  // namespace policyd::scanner
