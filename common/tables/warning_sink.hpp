#pragma once

#include <functional>
#include <string>

namespace policyd::tables {

/// Gets what an administrator should know about a table file: "file:line: what is wrong".
using WarningSink = std::function<void(const std::string&)>;

}  // namespace policyd::tables
