#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace policyd::mail {

/// The addresses of a list as it stands in a table or a header, each in external form and
/// otherwise as it was written: separated by commas, or by blanks between two words. Comments,
/// phrases before `<address>` and group names are left out, as Postfix's tok822_parse(3) does.
std::vector<std::string> ParseAddressList(std::string_view list);

}  // namespace policyd::mail
