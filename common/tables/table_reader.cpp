#include "common/tables/table_reader.hpp"

namespace policyd::tables {

namespace {

class Direct final : public TableReader {
public:
    async::Task<std::optional<std::string>> Find(LookupTable& table,
                                                 std::string_view key) override {
        return table.Find(key);
    }
};

}  // namespace

TableReader& DirectReader() {
    static Direct reader;
    return reader;
}

}  // namespace policyd::tables
