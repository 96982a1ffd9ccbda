#pragma once

#include <sched.h>
#include <sys/mount.h>

#include <string>
#include <thread>
#include <utility>

#include "tests/support/scratch_directory.hpp"

namespace policyd::test {

/// Runs `function` on a thread that, with those that it starts, sees an /etc/hosts of these lines.
/// False where that is not permitted: it takes root and the right to mount.
template <typename Function>
bool RunWithHosts(const std::string& lines, Function function) {
    const ScratchDirectory scratch;
    const std::string file = scratch.Write("hosts", lines).string();
    bool is_permitted = false;
    std::thread([&] {
        is_permitted = unshare(CLONE_NEWNS) == 0 &&
                       mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                       mount(file.c_str(), "/etc/hosts", nullptr, MS_BIND, nullptr) == 0;
        if (is_permitted) function();
    }).join();
    return is_permitted;
}

}  // namespace policyd::test
