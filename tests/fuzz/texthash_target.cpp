#include "common/async/event_loop.hpp"
#include "common/config/config_error.hpp"
#include "common/outage/unavailable.hpp"
#include "common/tables/texthash_table.hpp"
#include "tests/fuzz/memory_file.hpp"
#include "tests/fuzz/targets.hpp"

namespace policyd::fuzz {

void RunTexthash(std::string_view bytes) {
    const MemoryFile memory(bytes);
    try {
        const auto rows = tables::ReadTexthash(memory.Path(), [](const std::string&) {});
        tables::TexthashTable table("texthash:",
                                    std::make_shared<const tables::TexthashRows>(std::move(rows)));
        async::EventLoop loop;
        loop.RunUntilDone(table.Find("user@example.com"));
        loop.RunUntilDone(table.Find(bytes));
    } catch (const config::ConfigError&) {
    } catch (const outage::TableUnavailable&) {  // it has a key twice
    }
}

}  // namespace policyd::fuzz
