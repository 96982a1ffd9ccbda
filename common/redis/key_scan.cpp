#include "common/redis/key_scan.hpp"

#include <utility>

namespace policyd::redis {

async::Task<std::vector<std::string>> KeyScan::Next() {
    Reply page = co_await client_.Ask(Request("SCAN", cursor_, "MATCH", pattern_, "COUNT", 1000));
    if (page.elements.size() != 2) RefuseNonsense();
    cursor_ = std::move(page.elements.front().text);
    has_ended_ = cursor_ == "0";
    std::vector<std::string> keys;
    for (Reply& key : page.elements.back().elements) keys.push_back(std::move(key.text));
    co_return keys;
}

}  // namespace policyd::redis
