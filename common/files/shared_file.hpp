#pragma once

#include <string>

namespace policyd::files {

/// To be called with a file that was just made at `path`, and that programs of several users work
/// with: it is for those for whom its directory is. Where the directory's group may make files
/// there, it may write this one, whatever the umask; and what root makes, who runs a program by
/// hand, belongs to the owner and group of the directory. A file that is not in that directory, or
/// has other names as well, stays as it is. Throws std::system_error.
void ShareAsItsDirectory(int made, const std::string& path);

}  // namespace policyd::files
