#pragma once

#include <exception>

namespace policyd::server {

/// Whether the process, or the machine, has too little of something now: threads, descriptors,
/// memory. Also where that is what a failure was thrown with (std::throw_with_nested), such as that
/// of a file that could not be read.
bool IsLackOfMeans(const std::exception& failure);

}  // namespace policyd::server
