#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace policyd::files {

/// Gives `take` a file's bytes, part by part, until it returns false or there are no more. Throws
/// std::system_error where the file cannot be opened or read: read(2) that fails is no end of it,
/// which std::ifstream makes of it for who does not look at bad().
void ReadFile(const std::string& path, const std::function<bool(std::string_view part)>& take);

}  // namespace policyd::files
