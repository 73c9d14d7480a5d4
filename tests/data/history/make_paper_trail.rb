# Makes `paper_trail.csv` beside this file, by PaperTrail itself: the life of two orders, kept in a `versions` table with JSON columns.
#
# Needs Ruby with the gems activerecord, paper_trail and sqlite3 (Debian: `apt-get install ruby-paper-trail ruby-sqlite3`), and
# `ruby make_paper_trail.rb`. SQLite has no JSON type, so the two columns are texts that the serializer fills with JSON, which is
# what a JSON column of PostgreSQL is exported as, too.
require "active_record"
require "csv"
require "logger"
require "paper_trail"

ActiveRecord::Base.establish_connection(adapter: "sqlite3", database: ":memory:")
ActiveRecord::Schema.verbose = false
ActiveRecord::Schema.define do
  create_table(:orders) do |t|
    t.string :status
    t.decimal :total, precision: 12, scale: 2
    t.datetime :paid_at
    t.text :note
    t.timestamps
  end
  create_table(:versions) do |t|
    t.string :item_type, null: false
    t.bigint :item_id, null: false
    t.string :event, null: false
    t.string :whodunnit
    t.text :object
    t.text :object_changes
    t.datetime :created_at, precision: 6
  end
end

PaperTrail.serializer = PaperTrail::Serializers::JSON
class Order < ActiveRecord::Base
  has_paper_trail
end

day = Time.utc(2026, 6, 1, 9, 15)
at = lambda do |later|
  now = day + later
  Time.define_singleton_method(:now) { now }
end

PaperTrail.request.whodunnit = "ann"
at.call(0)
one = Order.create!(status: "open", total: "21.00", note: "a \"pot\",\nwith a lid")
at.call(60)
two = Order.create!(status: "open", total: "4.50")
PaperTrail.request.whodunnit = "webhook"
at.call(3600)
one.update!(status: "paid", paid_at: Time.utc(2026, 6, 1, 10, 0, 0.25r))
at.call(7200)
two.touch
at.call(10_800)
one.update!(total: "-0.05", note: nil)
PaperTrail.request.whodunnit = nil
at.call(14_400)
two.destroy!
at.call(18_000)
Order.new(id: two.id, status: "again", total: "12345678.90").save! # an id that comes back

names = %w[id item_type item_id event whodunnit object object_changes created_at]
CSV.open(File.join(ENV["OUT"] || __dir__, "paper_trail.csv"), "w") do |csv|
  csv << names
  ActiveRecord::Base.connection.select_rows("SELECT #{names.join(', ')} FROM versions ORDER BY id").each { |row| csv << row }
end
