#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "tests/integration/scan_daemon.hpp"

namespace policyd {

namespace fs = std::filesystem;
using test::Text;

/// A mail store in a scratch directory, and a policyd-scan of its own that looks after it.
class ScanSiteTest : public testing::Test {
protected:
    void Deliver(const std::string& maildir, std::size_t size, bool with_size = true) {
        const fs::path path = Root() / maildir;
        for (const char* part : {"tmp", "new", "cur"}) fs::create_directories(path / part);
        std::string name = std::to_string(++delivered_) + ".host";
        if (with_size) name += ",S=" + std::to_string(size);
        std::ofstream(path / "tmp" / name).close();
        fs::resize_file(path / "tmp" / name, size);
        fs::rename(path / "tmp" / name, path / "new" / name);
    }

    /// Runs a command as a user who owns nothing of the store, with capabilities such as
    /// ",+dac_read_search".
    static std::vector<std::string> AsNobody(const std::string& capabilities) {
        // The leak check would need to trace, which a process with a capability is safe from.
        return {"env",
                "ASAN_OPTIONS=detect_leaks=0",
                "setpriv",
                "--reuid=65534",
                "--regid=65534",
                "--clear-groups",
                "--bounding-set=-all" + capabilities,
                "--inh-caps=-all" + capabilities,
                "--ambient-caps=-all" + capabilities};
    }

    void ExpectTruth() {
        EXPECT_EQ(Text(daemon_->Found()), Text(test::RecountStore(Root()))) << daemon_->Log();
    }

    fs::path Root() const { return scratch_ / "mail"; }

    test::ScratchDirectory scratch_;
    std::optional<test::ScanDaemon> daemon_;
    int delivered_ = 0;
};

}  // namespace policyd
