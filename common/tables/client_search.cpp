#include "common/tables/client_search.hpp"

#include <vector>

#include "common/tables/address_prefix.hpp"
#include "common/text/fold_case.hpp"

namespace policyd::tables {

namespace {

/// What a client is looked for by, one after the other.
class ClientKeys {
public:
    ClientKeys(const LookupTable& table, std::string_view name, std::string_view address,
               ParentStyle parents)
        : name_(table.TakesPartialKeys() ? text::FoldCase(name) : std::string(name)) {
        keys_.reserve(8);
        AddNames(table.TakesPartialKeys() && !ParseAddress(name_), parents);
        AddAddresses(table.TakesPartialKeys(), address);
    }
    ClientKeys(const ClientKeys&) = delete;
    ClientKeys& operator=(const ClientKeys&) = delete;

    const std::vector<std::string_view>& Each() const { return keys_; }

private:
    void AddNames(bool with_parents, ParentStyle parents) {
        for (std::string_view key = name_; !key.empty();) {
            keys_.push_back(key);
            const std::size_t dot = key.find('.', 1);
            if (!with_parents || dot == key.npos) return;
            key.remove_prefix(parents == ParentStyle::kDomain ? dot + 1 : dot);
        }
    }

    void AddAddresses(bool with_networks, std::string_view address) {
        const char separator = address.find(':') != address.npos ? ':' : '.';
        for (std::string_view key = address;;) {
            keys_.push_back(key);
            const std::size_t end = key.rfind(separator);
            if (!with_networks || end == key.npos) return;
            key = key.substr(0, end);
        }
    }

    const std::string name_;
    std::vector<std::string_view> keys_;
};

}  // namespace

async::Task<std::optional<std::string>> FindClient(LookupTable& table, std::string_view name,
                                                   std::string_view address, ParentStyle parents,
                                                   TableReader& reader) {
    const ClientKeys keys(table, name, address, parents);
    for (const std::string_view key : keys.Each())
        if (auto value = co_await reader.Find(table, key)) co_return value;
    co_return std::nullopt;
}

std::optional<std::string> FindClientNow(const MemoryTable& table, std::string_view name,
                                         std::string_view address, ParentStyle parents) {
    if (!table.TakesPartialKeys()) {  // patterns, which are for the whole of either
        auto value = table.FindNow(name);
        return value ? value : table.FindNow(address);
    }
    const ClientKeys keys(table, name, address, parents);
    for (const std::string_view key : keys.Each())
        if (auto value = table.FindNow(key)) return value;
    return std::nullopt;
}

}  // namespace policyd::tables
